"""The README keeps its word: its code runs, its table is the committed results, its links lead somewhere."""

import re
from pathlib import Path

import numpy as np
import pytest

from ddal_jax.experiments.results import read
from ddal_jax.experiments.summary import means

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def _demo(task):
    return [record for record in read(ROOT / "docs" / "demo" / "results.jsonl").records if record.task == task]


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_every_block_of_code_runs(block):
    names = {}

    exec(compile(BLOCKS[block], f"README block {block}", "exec"), names)

    asked = names["ask"].indices if "ask" in names else names["asked"]
    known = names["labels"] >= 0 if "ask" in names else names["labeled"]
    assert len(asked) in (5, 10)
    assert not np.asarray(known)[np.asarray(asked)].any()


def test_the_table_is_that_of_the_committed_results():
    records = _demo("digits")
    by_strategy = means(records)

    for points in zip(*(by_strategy[name] for name in ("random", "margin", "diffusion-min-abs")), strict=True):
        cells = [f"{point.accuracy:.3f} ± {point.standard_error:.3f}" for point in points]
        unexplored = points[2].unexplored
        share = "" if np.isnan(unexplored) else f"{unexplored:.0%}"
        assert f"| {points[0].num_labeled} | {' | '.join(cells)} | {share} |".replace("|  |", "| |") in README


@pytest.mark.parametrize(
    ("task", "strategy", "rival"),
    [
        ("digits", "diffusion-min-abs", "random"),
        ("digits", "margin", "random"),
        ("digits", "diffusion-min-abs", "margin"),
        ("checkerboard", "diffusion-min-abs", "random"),
        ("checkerboard", "margin", "random"),
    ],
)
def test_the_differences_are_those_of_the_committed_results(task, strategy, rival):
    records = _demo(task)

    def areas(name):
        by_seed = {}
        for record in records:
            if record.strategy == name:
                by_seed.setdefault(record.seed, []).append(record.accuracy)
        return np.array([np.mean(by_seed[seed]) for seed in sorted(by_seed)])

    difference = 100 * (areas(strategy) - areas(rival))
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    assert f"{abs(difference.mean()):.2f} ± {error:.2f}" in README


def test_no_placeholder_is_left():
    assert not re.findall(r"\b[A-Z]{2,}_[A-Z]+\b", README)


def test_every_local_link_leads_to_a_file():
    links = re.findall(r"\]\(([^)#:]+)\)", README)

    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_map_names_every_room():
    rooms = {path.stem for path in (ROOT / "ddal_jax").iterdir() if not path.name.startswith("__")}

    mapped = set(re.findall(r"`(\w+)/?`", README))
    assert rooms <= mapped
