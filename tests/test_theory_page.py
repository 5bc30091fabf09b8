"""The committed report and the README say what the committed measurements say."""

from pathlib import Path

import numpy as np
import pytest

from ddal_jax.theory import results
from ddal_jax.theory.claims.catalog import CLAIMS
from ddal_jax.theory.report import report

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "results" / "theory"
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def found():
    return results.read(FOLDER / "results.jsonl.gz")


@pytest.fixture(scope="module")
def verdicts(found):
    return {name: CLAIMS[name].judge(rows) for name, rows in found.rows.items()}


def test_the_report_is_that_of_the_measurements(found, verdicts):
    pictures = {path.stem: path.name for path in FOLDER.glob("*.png")}

    assert (FOLDER / "report.md").read_text(encoding="utf-8") == report(found, verdicts, CLAIMS, pictures)


def test_all_claims_were_measured_in_earnest(found):
    assert list(found.rows) == list(CLAIMS)
    assert found.header.effort.num_seeds >= 20
    assert not found.header.effort.quick
    assert found.header.total_seconds < 600


def test_the_readme_says_what_fails_as_printed(verdicts):
    as_printed = [verdicts[name][0] for name in ("lemma-1", "cut-search", "mixture")]

    assert "**As printed, Lemma 1 and Theorems 1 and 2 do not hold**" in README
    for verdict, theorem in zip(as_printed, ("Lemma 1", "Theorem 1", "Theorem 2"), strict=True):
        assert verdict.statement.startswith(f"{theorem} as printed")
        assert not verdict.holds


def test_the_readme_says_how_queries_grow_and_how_far_labels_reach(found, verdicts):
    assert "the queries that find a cut of a line grow almost like N, with T = infinity like log N" in README
    assert "in all grids near to S2's" in README
    line = [row for row in found.rows["cut-search"] if row["dimension"] == 1 and row["way"] == "T = log_K N"]
    short, long = (np.mean([row["queries"] for row in line if row["side"] == side]) - 2 for side in (64, 1024))
    assert np.log(long / short) / np.log(1024 / 64) > 0.8
    assert not verdicts["cut-search"][0].holds
    assert verdicts["cut-search"][1].holds
    _, smallest, _, largest, *_ = verdicts["cut-search"][5].found.split()[1:]
    assert 0.9 < float(smallest) < float(largest) < 1.2

    plane = [row for row in found.rows["reach"] if row["pool"] == "uniform in the plane" and row["recommended"]]
    share = np.mean([row["mean"] / row["num_points"] for row in plane])
    assert f"T = log_K N steps carry a label to {share:.0%} of the points" in README
