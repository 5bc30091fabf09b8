"""Curves, areas, labels to a target and the comparison, against plain computations, and what is refused."""

import dataclasses
import math

import numpy as np
import pytest
from made_records import GAINS, TWO, noisy, records_of

from ddal_jax import evaluate


def test_curves_are_dense_whatever_the_order_of_the_records():
    records = records_of(TWO)

    forward, backward = evaluate.curves(records)["toy"], evaluate.curves(records[::-1])["toy"]

    assert forward.strategies == ("random", "other")
    assert backward.strategies == ("other", "random")
    np.testing.assert_array_equal(forward.num_labeled, [10, 20, 30])
    np.testing.assert_array_equal(forward.values, [TWO["random"], TWO["other"]])
    np.testing.assert_array_equal(forward.values[::-1], backward.values)
    assert forward.left_out == ()


def test_the_metric_is_chosen_by_name():
    chosen = evaluate.curves(records_of(TWO), metric="balanced_accuracy")["toy"]

    np.testing.assert_array_equal(chosen.values[0], np.array(TWO["random"]) / 2)


def test_an_interrupted_strategy_is_left_out_with_a_warning():
    records = records_of(TWO) + records_of({"third": [[0.5, 0.6], [0.5, 0.6]]})

    with pytest.warns(UserWarning, match="toy: third is left out, as 2 of its 2 seeds stop early"):
        kept = evaluate.curves(records)["toy"]

    assert kept.strategies == ("random", "other")
    assert kept.seeds == (0, 1)
    assert len(kept.left_out) == 1


def test_a_seed_that_stops_early_is_left_out_for_every_strategy():
    four = {"random": [[0.5, 0.6, 0.7]] * 4, "other": [[0.5, 0.6, 0.7]] * 4}
    records = [record for record in records_of(four) if (record.strategy, record.seed, record.cycle) != ("other", 2, 2)]

    with pytest.warns(UserWarning, match="not every strategy finished seeds 2; they are left out"):
        kept = evaluate.curves(records)["toy"]

    assert kept.seeds == (0, 1, 3)
    assert kept.values.shape == (2, 3, 3)


def test_strategies_with_more_seeds_than_others_are_cut_to_the_common_ones():
    records = records_of({"random": [[0.5, 0.6, 0.7]] * 5}) + records_of({"other": [[0.5, 0.6, 0.7]] * 2}, first_seed=1)

    with pytest.warns(UserWarning, match="seeds 0, 3, 4"):
        kept = evaluate.curves(records)["toy"]

    assert kept.seeds == (1, 2)


def test_area_is_the_trapezoid_over_the_labels_bought():
    areas = evaluate.area_under_curve(records_of(TWO))["toy"]

    by_hand = [(10 * (0.5 + 0.6) / 2 + 10 * (0.6 + 0.7) / 2) / 20, (10 * (0.5 + 0.7) / 2 + 10 * (0.7 + 0.7) / 2) / 20]
    np.testing.assert_allclose(areas["random"], by_hand, rtol=1e-14)


def test_area_weighs_a_shorter_last_batch_by_its_labels():
    areas = evaluate.area_under_curve(records_of({"a": [[0.5, 0.6, 0.9]]}, (10, 20, 22)))["toy"]

    np.testing.assert_allclose(areas["a"], [(10 * 0.55 + 2 * 0.75) / 12], rtol=1e-14)


@pytest.mark.parametrize("budget", [11, 15, 20, 26, 30])
def test_area_up_to_a_budget_is_that_of_the_straight_line_between_checkpoints(budget):
    areas = evaluate.area_under_curve(records_of(TWO), budget=budget)["toy"]

    labels = np.linspace(10, budget, 20_001)
    middle = (labels[1:] + labels[:-1]) / 2
    expected = [np.interp(middle, [10, 20, 30], curve).mean() for curve in TWO["other"]]
    np.testing.assert_allclose(areas["other"], expected, rtol=1e-8)  # A kink within one of 20,000 steps.


@pytest.mark.parametrize(
    ("curve", "labels"),
    [
        ([0.5, 0.7, 0.9], 25),
        ([0.5, 0.8, 0.7], 20),
        ([0.5, 0.9, 0.7], 17.5),
        ([0.8, 0.2, 0.2], 10),
        ([0.9, 0.95, 0.99], 10),
        ([0.5, 0.6, 0.79], math.inf),
        ([0.7, 0.7, 0.8], 30),
    ],
)
def test_labels_to_target_is_the_first_crossing(curve, labels):
    found = evaluate.labels_to_target(records_of({"a": [curve]}), target=0.8)["toy"]["a"]

    assert found.of_mean == pytest.approx(labels, rel=1e-12)
    np.testing.assert_allclose(found.of_seeds, [labels], rtol=1e-12)


def test_labels_to_target_of_the_mean_curve_is_not_the_mean_of_the_seeds():
    found = evaluate.labels_to_target(records_of({"a": [[0.5, 0.9, 0.9], [0.5, 0.5, 0.5]]}), target=0.65)["toy"]["a"]

    assert found.of_mean == pytest.approx(17.5)
    np.testing.assert_allclose(found.of_seeds, [13.75, math.inf])


def test_comparison_holds_the_areas_the_paired_differences_and_their_order():
    curves = noisy(GAINS, num_seeds=12)

    task = evaluate.compare(records_of(curves, range(10, 70, 10))).tasks[0]

    areas = {name: np.trapezoid(own, dx=1, axis=1) / 5 for name, own in curves.items()}
    assert [own.strategy for own in task.standings] == sorted(areas, key=lambda name: -areas[name].mean())
    assert [own.place for own in task.standings] == [1, 2, 3, 4]
    assert (task.num_seeds, task.start, task.budget, task.reference) == (12, 10, 60, "random")
    for own in task.standings:
        paired = areas[own.strategy] - areas["random"]
        assert own.area == pytest.approx(areas[own.strategy].mean(), rel=1e-12)
        assert own.spread == pytest.approx(areas[own.strategy].std(ddof=1), rel=1e-9)
        assert own.difference == pytest.approx(paired.mean(), abs=1e-12)
        assert own.low <= own.difference <= own.high
        assert paired.min() <= own.low
        assert own.high <= paired.max()
    for pair in task.pairs:
        paired = areas[pair.first] - areas[pair.second]
        assert pair.difference == pytest.approx(paired.mean(), rel=1e-9)
        assert pair.spread == pytest.approx(paired.std(ddof=1), rel=1e-9)


def test_comparison_resolves_what_differs_and_nothing_else():
    task = evaluate.compare(records_of(noisy(GAINS, num_seeds=12), range(10, 70, 10))).tasks[0]

    unresolved = [{pair.first, pair.second} for pair in task.pairs if not pair.resolved]

    assert unresolved == [{"equal", "random"}]


def test_p_values_of_pairs_are_corrected_over_the_task():
    curves = noisy(GAINS, num_seeds=12)
    areas = {name: np.trapezoid(own, axis=1) / 5 for name, own in curves.items()}

    pairs = evaluate.compare(records_of(curves, range(10, 70, 10))).tasks[0].pairs

    raw = np.array([evaluate.signed_rank(areas[pair.first] - areas[pair.second]) for pair in pairs])
    np.testing.assert_allclose([pair.p_value for pair in pairs], evaluate.holm(raw), rtol=1e-12)


def test_the_target_is_where_the_reference_ends_unless_given():
    records = records_of(TWO)

    by_default = evaluate.compare(records).tasks[0]
    given = evaluate.compare(records, target=0.8, reference="other").tasks[0]

    assert by_default.target == pytest.approx(0.7)
    assert {own.strategy: own.labels for own in by_default.standings} == pytest.approx(
        {"random": 30, "other": 10 + 10 * 0.15 / 0.25}
    )
    assert {own.strategy: own.labels for own in given.standings} == {"other": 20, "random": math.inf}
    assert next(own for own in given.standings if own.strategy == "other").difference == 0


def test_equal_strategies_are_neither_resolved_nor_a_crash():
    same = [[0.5, 0.6, 0.7], [0.5, 0.7, 0.8], [0.4, 0.6, 0.7]]
    records = [record for task in "abc" for record in records_of({name: same for name in "xyz"}, task=task)]

    comparison = evaluate.compare(records)

    assert all(pair.p_value == 1 and pair.seeds_needed == 2 for task in comparison.tasks for pair in task.pairs)
    assert comparison.penalty is not None
    assert comparison.penalty.penalties == (0, 0, 0)
    assert comparison.ranking is not None
    assert comparison.ranking.friedman_p == 1
    assert comparison.ranking.cliques == (("x", "y", "z"),)
    assert "**No difference resolved** between any two strategies." in evaluate.report(comparison)


def test_one_task_gives_no_ranking_and_the_report_says_why():
    comparison = evaluate.compare(records_of(noisy(GAINS, num_seeds=8), range(10, 70, 10)))

    assert comparison.ranking is None
    assert "Seeds of one task are no tasks" in evaluate.report(comparison)


def test_three_tasks_are_ranked():
    records = [
        record
        for number in range(3)
        for record in records_of(noisy(GAINS, num_seeds=4, seed=number), range(10, 70, 10), task=f"task {number}")
    ]

    ranking = evaluate.compare(records).ranking

    assert ranking is not None
    assert ranking.num_tasks == 3
    assert ranking.strategies[0] == "better"
    assert ranking.strategies[-1] == "worse"
    assert "## Across tasks" in evaluate.report(evaluate.compare(records))


def test_phases_follow_the_queries():
    found = evaluate.phases(records_of(TWO))["toy"]["other"]

    np.testing.assert_array_equal(found.num_labeled, [10, 20])
    np.testing.assert_array_equal(found.unexplored, [1, 0])
    np.testing.assert_array_equal(found.boundary_distance, [0, 1])


def test_unknown_boundaries_are_nan():
    records = [dataclasses.replace(record, boundary_distances=None) for record in records_of(TWO)]

    assert np.isnan(evaluate.phases(records)["toy"]["random"].boundary_distance).all()


def test_acquisition_time_leaves_out_the_cycle_that_compiles():
    found = evaluate.acquisition_seconds(records_of(TWO, query_seconds=0.5))["toy"]["random"]

    assert found == (0.5, 0.25)


def test_acquisition_time_is_unknown_when_only_the_first_cycle_asks():
    records = records_of({"a": [[0.5, 0.6]]}, (10, 20))

    assert math.isnan(evaluate.acquisition_seconds(records)["toy"]["a"].per_seed)


ONE_SEED = {name: own[:1] for name, own in TWO.items()}
REFUSED = {
    "no records": (lambda: evaluate.compare([]), "records must hold at least one record; got none"),
    "metric": (
        lambda: evaluate.compare(records_of(TWO), metric="f1"),
        "metric must be one of 'accuracy', 'balanced_accuracy'; got 'f1'",
    ),
    "reference": (
        lambda: evaluate.compare(records_of(TWO), reference="oracle"),
        "reference must be one of 'random', 'other'; got 'oracle'",
    ),
    "target above 1": (
        lambda: evaluate.labels_to_target(records_of(TWO), target=90.0),
        r"target must lie in \(0, 1\], a share of held-out points; got 90",
    ),
    "target 0": (
        lambda: evaluate.compare(records_of(TWO), target=0.0),
        "target must be a finite number above 0; got 0",
    ),
    "budget": (
        lambda: evaluate.area_under_curve(records_of(TWO), budget=31),
        r"budget must be in \[11, 30\] \(the curves\); got 31",
    ),
    "one seed": (lambda: evaluate.compare(records_of(ONE_SEED)), "at least two seeds, .*; got seed 0 alone"),
    "one seed for penalties": (lambda: evaluate.pairwise_penalty(records_of(ONE_SEED)), "at least two seeds"),
    "one strategy": (
        lambda: evaluate.compare(records_of({"a": TWO["other"]})),
        "'toy' must hold at least two strategies; got a alone",
    ),
    "one checkpoint": (
        lambda: evaluate.area_under_curve(records_of({"a": [[0.5]]}, (10,))),
        "at least two checkpoints for an area; got only 10 labels",
    ),
    "unpaired seeds": (
        lambda: evaluate.curves(records_of({"a": TWO["other"]}) + records_of({"b": TWO["other"]}, first_seed=5)),
        "'toy' must share seeds between strategies, as comparisons are paired; got a: 0, 1; b: 5, 6",
    ),
    "unequal checkpoints": (
        lambda: evaluate.curves(records_of({"a": TWO["other"]}) + records_of({"b": TWO["other"]}, (10, 25, 30))),
        "same checkpoints .* got 10, 25, 30 labels for 'b', seed 0, and 10, 20, 30 elsewhere",
    ),
    "the same results twice": (
        lambda: evaluate.curves(records_of(TWO) + records_of(TWO)),
        "each checkpoint once; got task 'toy', strategy 'random', seed 0, 10 labels twice",
    ),
    "not a number": (
        lambda: evaluate.curves(records_of({"a": TWO["other"], "b": [[0.5, math.nan, 0.7]] * 2})),
        "finite values of the metric; got NaN or infinity in 'b'",
    ),
    "no common strategies": (
        lambda: evaluate.pairwise_penalty(records_of(TWO) + records_of({"a": TWO["other"]}, task="board")),
        "at least two strategies in every task; got none",
    ),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_judged_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
