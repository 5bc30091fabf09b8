"""docs/experiments.md says what the committed results say."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from ddal_jax import evaluate
from ddal_jax.experiments import results
from ddal_jax.experiments.catalog import STRATEGIES
from ddal_jax.experiments.config import plain
from ddal_jax.experiments.presets import EXPERIMENTS
from ddal_jax.experiments.snapshots import read_snapshots
from ddal_jax.query import QuerySettings

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = DOCS / "results"
PAGE = (DOCS / "experiments.md").read_text(encoding="utf-8")
PROSE = " ".join(PAGE.split())
FOLDERS = {"binary board": "fig3", "multi-class board": "fig2", "digits": "digits", "poker": "poker"}
EXPERIMENT_OF = {"digits-scratch": "digits"}


def _report(folder):
    return json.loads((RESULTS / folder / "report.json").read_text(encoding="utf-8"))["tasks"][0]


def _table(ours):
    """Rows of the table headed by one of the two diffusions, as rival -> cells."""
    lines = PAGE[PAGE.index(f"| `{ours}` minus |") :].split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[0][1:] == list(FOLDERS)
    return {row[0]: row[1:] for row in rows[2:]}


def _difference(folder, ours, rival):
    for pair in _report(folder)["pairs"]:
        if {pair["first"], pair["second"]} == {ours, rival}:
            sign = 1 if pair["first"] == ours else -1
            return f"{100 * sign * pair['difference']:+.1f}{'*' if pair['p_value'] < 0.05 else ''}"
    return ""


@pytest.mark.parametrize("ours", ["diffusion-paper", "diffusion"])
def test_the_tables_are_those_of_the_reports(ours):
    table = _table(ours)

    run = {standing["strategy"] for folder in FOLDERS.values() for standing in _report(folder)["standings"]}
    assert set(table) == run - {ours}
    for rival, cells in table.items():
        assert cells == [_difference(folder, ours, rival) for folder in FOLDERS.values()]


def _read(folder):
    found = results.Results([], [])
    for path in sorted((RESULTS / folder).glob("*.jsonl.gz")):
        runs, records = results.read(path)
        found.runs.extend(runs)
        found.records.extend(records)
    return found


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param(name, marks=[] if name == "digits" else [pytest.mark.slow])
        for name in (*FOLDERS.values(), "criteria", "digits-scratch")
    ],
)
def test_the_reports_are_those_of_the_records(folder):
    found = _read(folder)

    evaluate.refuse_unpaired_runs(found.runs)
    comparison = evaluate.compare(found.records, data_sets=evaluate.data_sets(found.runs))

    assert evaluate.report(comparison) == (RESULTS / folder / "report.md").read_text(encoding="utf-8")
    for task in comparison.tasks:
        assert task.num_seeds == 20


@pytest.mark.parametrize(("folder", "label"), [("fig3", "25 %"), ("digits", "53 %")])
def test_savings_are_those_of_the_reports(folder, label):
    assert f"{label.removesuffix(' %')}% fewer" in (RESULTS / folder / "report.md").read_text(encoding="utf-8")
    assert f"{label} fewer labels than random" in PROSE


def test_what_dropout_costs_is_what_the_control_says():
    to_random = {
        (folder, standing["strategy"]): 100 * standing["difference"]
        for folder in ("fig3", "fig2", "digits")
        for standing in _report(folder)["standings"]
    }

    def cost(strategy):
        return [to_random[folder, strategy] for folder in ("fig3", "fig2")]

    lost = [-value for value in cost("random-dropout")]
    assert f"loses {lost[0]:.1f} points on the binary board and {lost[1]:.1f} on the multi-class one" in PROSE
    for name in ("bayes-entropy", "bayes-uncertainty"):
        assert "`{}` ({:.1f}, {:.1f})".format(name, *cost(name)) in PROSE
    assert f"On digits dropout gains {to_random['digits', 'random-dropout']:.1f}" in PROSE


def test_the_ratio_to_pytorch_is_that_of_the_files():
    theirs = json.loads((RESULTS / "loop" / "torch.json").read_text())["seconds"]
    records = results.read(RESULTS / "loop" / "results.jsonl.gz").records
    ours = sum(record.training_seconds + record.acquisition_seconds for record in records)

    assert {(record.strategy, record.seed) for record in records} == {("diffusion-paper", 0)}
    assert f"{ours:.1f} s in the loop" in PROSE
    assert f"{theirs} s, **{theirs / ours:.0f} times as long**" in PROSE


@pytest.mark.slow
def test_the_independent_figures_are_compared_with_ours():
    rows = dict(re.findall(r"^\| (\w+), here \| (.*) \|$", PAGE, re.MULTILINE))

    assert set(rows) == {"digits", "board", "poker"}
    names = ("margin", "badge", "coreset", "diffusion-paper")
    for name, folder in {"digits": "digits", "board": "fig3", "poker": "poker"}.items():
        by_seed: dict = {}
        for record in _read(folder).records:
            by_seed.setdefault((record.strategy, record.seed), []).append(100 * record.accuracy)
        seeds = range(20)
        cells = []
        for strategy in names:
            gains = [_mean(by_seed[strategy, seed]) - _mean(by_seed["random", seed]) for seed in seeds]
            spread = (sum((gain - _mean(gains)) ** 2 for gain in gains) / 19) ** 0.5
            cells.append(f"{_mean(gains):+.2f} ± {spread / 20**0.5:.2f}")
        assert rows[name] == " | ".join(cells)


def _mean(values):
    return sum(values) / len(values)


def test_the_stages_of_fig_2_are_those_of_its_snapshots():
    asking = [own for own in read_snapshots(RESULTS / "fig2", "diffusion-paper") if len(own.queried)]

    assert len(asking) == 44
    first, middle, last = (f"{asking[place].accuracy:.0%}".replace("%", " %") for place in (0, 14, 43))
    assert f"this seed has {first}, {middle} and {last}" in PROSE


def test_the_ranks_are_those_of_the_report():
    ranking = json.loads((RESULTS / "across" / "report.json").read_text(encoding="utf-8"))["ranking"]
    ranks = dict(zip(ranking["strategies"], ranking["average_ranks"], strict=True))
    names = {"diffusion": "diffusion", "badge": "BADGE", "diffusion-paper": "as printed", "coreset": "coreset",
             "margin": "margin", "random": "random"}  # fmt: skip

    assert list(ranks)[:6] == list(names)
    assert ", ".join(f"{said} {ranks[name]:.2f}" for name, said in names.items()) in PROSE
    assert ranking["num_tasks"] == 4


@pytest.mark.slow
@pytest.mark.parametrize("folder", [*FOLDERS.values(), "criteria", "digits-scratch", "fig1"])
def test_the_committed_runs_can_be_asked_for_again(folder):
    """What the files call `diffusion` had no batch rule: `--diversity none`, or `diffusion-plain`."""
    for path in sorted((RESULTS / folder).glob("*.jsonl.gz")):
        for header in results.read(path).runs:
            now = EXPERIMENTS[EXPERIMENT_OF.get(folder, folder)].runs[0]
            without_rule = dataclasses.replace(now, query=QuerySettings(diversity="none"))
            for name, then in header.strategies.items():
                if then["kind"] != "Diffusion":
                    continue
                num_classes = then["settings"]["num_classes"]
                assert then["settings"] == _settings(name, without_rule, num_classes)
                if name == "diffusion":
                    assert then["settings"]["settings"] == _settings("diffusion-plain", now, num_classes)["settings"]
                else:
                    assert then["settings"] == _settings(name, now, num_classes)


def _settings(name, config, num_classes):
    """The settings of a strategy as files hold them, without what is younger than the files and was not used."""
    made = plain(dataclasses.asdict(STRATEGIES[name].make(config, num_classes)))
    for younger in ("num_rediffusions", "num_refine_steps"):
        assert made["settings"].pop(younger) is None
    assert made.pop("space") == "features"
    return made


def test_every_link_leads_to_a_file():
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE)

    assert len(links) > 10
    for link in links:
        assert (DOCS / link).exists(), link
