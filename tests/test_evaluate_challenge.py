"""A challenger chosen beforehand is tested against each rival, and the verdict follows from numbers alone."""

import numpy as np
import pytest
from made_records import noisy, records_of
from scipy import stats

from ddal_jax import cli
from ddal_jax.evaluate import Duel, compare, report
from ddal_jax.evaluate.challenge import duels, rivals_of
from ddal_jax.experiments import results

GAINS = {"random": 0.0, "ours": 0.05, "ours:x=1": 0.2, "near": 0.049, "ahead": 0.1}


def _duel(difference, error, p_value):
    return Duel(rival="it", difference=difference, error=error, p_value=p_value, won=1, lost=1)


@pytest.mark.parametrize(
    ("difference", "error", "p_value", "verdict"),
    [
        (0.006, 0.001, 0.01, "above"),
        (0.006, 0.001, 0.05, "level"),  # not resolved
        (0.0029, 0.0001, 0.001, "level"),  # too small to be a win
        (-0.0029, 0.0001, 0.001, "level"),
        (-0.0031, 0.001, 0.9, "below"),
        (-0.006, 0.004, 0.9, "level"),
        (-0.009, 0.004, 0.9, "below"),
    ],
)
def test_the_verdict_turns_where_its_rule_says(difference, error, p_value, verdict):
    assert _duel(difference, error, p_value).verdict == verdict


def test_rivals_are_all_others_but_the_challenger_under_other_settings():
    names = ["random", "ours", "ours:x=1", "ours-plain"]

    assert rivals_of("ours", names) == ["random", "ours-plain"]
    assert rivals_of("random", names) == ["ours", "ours:x=1", "ours-plain"]


def test_differences_and_p_values_are_those_of_paired_seeds_corrected_over_the_rivals():
    random = np.random.default_rng(0)
    areas = random.normal(size=(3, 12)) / 100 + np.array([[0.0], [0.02], [0.01]])

    first, second = duels("b", areas, ["a", "b", "c"])

    differences = [areas[1] - areas[0], areas[1] - areas[2]]
    raw = sorted((stats.wilcoxon(own, method="exact").pvalue, place) for place, own in enumerate(differences))
    expected = {raw[0][1]: min(1, 2 * raw[0][0]), raw[1][1]: max(2 * raw[0][0], raw[1][0])}
    for place, duel in enumerate((first, second)):
        own = differences[place]
        assert duel.rival == "ac"[place]
        assert duel.difference == pytest.approx(own.mean())
        assert duel.error == pytest.approx(stats.sem(own))
        assert duel.p_value == pytest.approx(expected[place])
        assert (duel.won, duel.lost) == ((own > 0).sum(), (own < 0).sum())


def test_the_report_tells_wins_and_losses_of_the_challenger():
    records = records_of(noisy(GAINS, num_seeds=12), counts=range(10, 70, 10))

    comparison = compare(records, challenger="ours")

    verdicts = {duel.rival: duel.verdict for duel in comparison.tasks[0].duels}
    assert verdicts == {"random": "above", "near": "level", "ahead": "below"}
    text = report(comparison)
    assert "### ours against each rival" in text
    assert text.split("### ours against each rival")[1].count(" below |") == 1
    assert compare(records).tasks[0].duels == ()
    assert "against each rival" not in report(compare(records))


def test_an_unknown_challenger_is_refused():
    with pytest.raises(ValueError, match="got 'theirs'"):
        compare(records_of(noisy(GAINS, num_seeds=3), counts=range(10, 70, 10)), challenger="theirs")


def test_the_command_takes_a_challenger(tmp_path, capsys):
    path = tmp_path / "results.jsonl"
    path.write_text(
        results.record_lines(records_of(noisy(GAINS, num_seeds=4), counts=range(10, 70, 10))), encoding="utf-8"
    )

    assert cli.main(["evaluate", str(path), "--challenger", "ours"]) == 0

    assert "ours against each rival" in capsys.readouterr().out
