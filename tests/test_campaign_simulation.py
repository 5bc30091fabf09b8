"""Simulations: what strategies share, what is judged, and awkward data."""

import dataclasses
import math
import time
from pathlib import Path

import numpy as np
import oracles
import pytest

from ddal_jax import evaluate
from ddal_jax.campaign import judge
from ddal_jax.campaign.simulation import simulate
from ddal_jax.campaign.trials import STRATEGIES, Sizes, WantedSizes
from ddal_jax.data.pools import hold_out
from ddal_jax.experiments import results
from ddal_jax.pool_graph import GraphSettings

REPOSITORY = Path(__file__).parents[1]
NUM_ROWS, NUM_CLASSES = 60, 3
WANTED = WantedSizes(num_seeds=2, query_size=5, num_start=5, budget=15)
SMALL = {"wanted": WANTED, "graph": GraphSettings(num_neighbors=4)}


def clouds(num_rows=NUM_ROWS, seed=0):
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(num_rows) % NUM_CLASSES)
    return (random.normal(size=(num_rows, 3)) + 3 * np.eye(3)[labels]).astype(np.float32), labels


@pytest.fixture(scope="module")
def found():
    return simulate(*clouds(), **SMALL, name="clouds")


def of(part, strategy, seed=0):
    return [record for record in part.records if (record.strategy, record.seed) == (strategy, seed)]


def test_strategies_share_pool_held_out_points_and_start(found):
    first = {}
    for part in found:
        for record in part.records:
            if record.cycle == 0:
                first.setdefault((record.task, record.seed), set()).add(record.accuracy)

    assert len(first) == 4
    assert all(len(shared) == 1 for shared in first.values())


def test_each_strategy_asks_until_the_budget_and_nothing_twice(found):
    start = np.random.default_rng([0, 3]).permutation(45)[:5]
    for strategy in ("random", "margin", "coreset", "diffusion"):
        records = of(found.judged, strategy)
        queried = [row for record in records for row in record.queried]

        assert [record.num_labeled for record in records] == [5, 10, 15]
        assert [len(record.queried) for record in records] == [5, 5, 0]
        assert len({*queried, *start}) == 15
        assert set(queried) <= set(range(45))
    assert len({str(of(found.judged, name)[0].queried) for name in ("random", "margin", "coreset", "diffusion")}) == 4


def test_the_judge_is_logistic_regression_on_the_labels_bought_and_tells_held_out_points(found):
    from sklearn.linear_model import LogisticRegression

    features, labels = clouds()
    pool, test = hold_out(labels, 0, num_points=45, num_test=15, num_classes=NUM_CLASSES)
    spread, middle = features[pool].std(axis=0), features[pool].mean(axis=0)
    known = list(np.random.default_rng([0, 3]).permutation(45)[:5])
    for record in of(found.judged, "margin"):
        rows = pool[known]
        model = LogisticRegression().fit((features[rows] - middle) / spread, labels[rows])
        right = model.predict((features[test] - middle) / spread) == labels[test]

        assert record.accuracy == pytest.approx(right.mean())
        assert record.balanced_accuracy == pytest.approx(np.mean([right[labels[test] == c].mean() for c in range(3)]))
        known += record.queried


def test_margin_asks_where_the_judge_is_least_decided(found):
    from sklearn.linear_model import LogisticRegression

    features, labels = clouds()
    pool, _ = hold_out(labels, 0, num_points=45, num_test=15, num_classes=NUM_CLASSES)
    scaled = (features[pool] - features[pool].mean(axis=0)) / features[pool].std(axis=0)
    known = np.random.default_rng([0, 3]).permutation(45)[:5]
    model = LogisticRegression().fit(scaled[known], labels[pool][known])
    ordered = np.sort(model.predict_proba(scaled), axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    margin[known] = np.inf

    assert set(of(found.judged, "margin")[0].queried) == set(np.argsort(margin)[:5])


def test_the_read_out_is_the_diffused_argmax_on_the_whole_pool(found):
    features, labels = clouds()
    pool, _ = hold_out(labels, 0, num_points=45, num_test=15, num_classes=NUM_CLASSES)
    num_steps = SMALL["graph"].steps_for(45)
    weights = oracles.affinity(*oracles.nearest_neighbors(features[pool], 4), "max")
    known = list(np.random.default_rng([0, 3]).permutation(45)[:5])
    for record in of(found.read_out, "diffusion"):
        labeled = np.isin(np.arange(45), known)
        start = oracles.one_hot(labels[pool], labeled, NUM_CLASSES)
        mass = oracles.clamped_diffusion(oracles.transition(weights), start, labeled, num_steps)
        right = (mass.argmax(axis=1) == labels[pool]) & (mass.max(axis=1) > 0)

        assert record.accuracy == pytest.approx(right.mean())
        known += record.queried


def test_results_are_what_the_evaluation_reads_and_say_how_they_came_about(found, tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text("".join(map(results.header_line, found.judged.runs)) + results.record_lines(found.judged.records))

    read = results.read(path)

    assert read == found.judged
    comparison = evaluate.compare(read.records)
    assert comparison.tasks[0].reference == "random"
    assert evaluate.data_sets(read.runs) == {"clouds, judged by logistic regression": "clouds"}
    header = read.runs[0]
    assert header.config["query_size"] == 5
    assert header.config["graph"]["num_neighbors"] == 4
    assert header.data["num_points"] == 45
    assert header.environment["packages"]["scikit-learn"]
    assert header.strategies["coreset"]["kind"] == "Coreset"
    evaluate.refuse_unpaired_runs([header, *simulate(*clouds(), **SMALL, name="clouds").judged.runs])
    with pytest.raises(ValueError, match="differ in"):
        evaluate.refuse_unpaired_runs([header, *simulate(*clouds(seed=1), **SMALL, name="clouds").judged.runs])


def test_the_same_simulation_gives_the_same_records(found):
    again = simulate(*clouds(), **SMALL, name="clouds")

    for first, second in zip(found, again, strict=True):
        for one, other in zip(first.records, second.records, strict=True):
            assert (one.queried, one.accuracy, one.seed) == (other.queried, other.accuracy, other.seed)


def test_seconds_are_of_all_seeds_together(found):
    for record in found.judged.records:
        assert record.acquisition_seconds == of(found.judged, record.strategy, 1)[record.cycle].acquisition_seconds
        assert record.acquisition_seconds > 0


def test_a_start_without_labels_and_rare_classes_are_no_obstacle():
    features, labels = clouds()
    labels[:] = 0
    labels[[4, 50]] = 2  # two points of one class, none of another
    heard = []

    found = simulate(
        features,
        labels,
        **SMALL | {"wanted": dataclasses.replace(WANTED, num_start=0, budget=10)},
        on_seed=heard.append,
    )

    for name in ("random", "margin", "coreset", "diffusion"):
        first, later = of(found.judged, name)[0], of(found.judged, name)[-1]
        assert (first.num_labeled, first.accuracy) == (0, pytest.approx(1 / 3))
        assert of(found.read_out, name)[0].accuracy == 0  # no label reaches anything
        assert later.accuracy > 0.8
        assert math.isfinite(later.balanced_accuracy)
    assert heard == [0, 1]


@pytest.mark.parametrize("name", sorted(STRATEGIES))
@pytest.mark.slow
def test_every_strategy_asks_what_it_is_told_to(name):
    records = simulate(*clouds(), **SMALL, strategies=(name,)).judged.records

    for seed in (0, 1):
        queried = [row for record in records if record.seed == seed for row in record.queried]
        assert len(set(queried)) == 10


def test_names_are_those_of_the_experiments():
    from ddal_jax.experiments import catalog

    assert set(STRATEGIES) <= set(catalog.STRATEGIES)
    assert not any(catalog.STRATEGIES[name].with_dropout for name in STRATEGIES)


def test_sizes_that_are_not_given_fit_the_data():
    many, few = WantedSizes().for_rows(100_000), WantedSizes().for_rows(9)

    assert many == Sizes(num_seeds=20, num_points=10_000, num_test=2_000, num_start=20, query_size=20, budget=220)
    assert few == Sizes(num_seeds=20, num_points=7, num_test=2, num_start=3, query_size=20, budget=7)
    assert few.counts == [3, 7]
    assert WantedSizes(query_size=10, budget=37).for_rows(60).counts == [10, 20, 30, 37]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 46}, r"^budget must be in \[6, 45\] \(more than the start, at most the pool\); got 46"),
        ({"budget": 5}, r"^budget must be in \[6, 45\]"),
        ({"num_start": 45}, r"^num_start must be in \[0, 44\]"),
        ({"num_test": 60}, r"^num_test must be in \[1, 58\]"),
        ({"num_points": 46}, r"^num_points must be in \[2, 45\]"),
        ({"query_size": 0}, "^query_size must be at least 1"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(WANTED, **changes).for_rows(NUM_ROWS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"graph": GraphSettings(num_neighbors=45)}, r"^num_neighbors must be in \[1, 44\] for 45 points"),
        ({"strategies": ("random", "luck")}, "^strategies must be one of 'random', 'margin', .*; got 'luck'"),
        ({"strategies": ("random", "random")}, "^strategies must name at least one strategy, none twice"),
        ({"strategies": ()}, "^strategies must name at least one"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        simulate(*clouds(), **SMALL | changes)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.full((60, 3), np.nan), clouds()[1], "^features must be finite"),
        (clouds()[0], np.where(np.arange(60) == 7, -1, clouds()[1]), "^labels must be at least 0; got -1 at index 7"),
        (clouds()[0], np.full(60, 2), r"^labels must be of at least two classes; got \[2\] alone"),
        (clouds()[0], np.arange(59), "^labels must have 60 entries, one per row of features"),
        (np.zeros((2, 3)), np.arange(2), "^labels must be there for at least 3 rows"),
    ],
)
def test_data_that_cannot_be_used_are_refused(features, labels, message, plain_types):
    with pytest.raises(ValueError, match=message):
        simulate(features, labels, **SMALL)


def test_a_judge_without_labels_guesses_and_with_one_class_knows_no_other():
    points, labels = np.zeros((4, 2)), np.array([0, 1, 1, 2])

    (guess,) = judge.learnt_probabilities(points[:0], labels[:0], points, num_classes=3)
    (sure,) = judge.learnt_probabilities(points[:2], labels[1:3], points, num_classes=3)

    assert judge.grade(guess, labels).accuracy == pytest.approx(1 / 3)
    assert sure.tolist() == [[0, 1, 0]] * 4
    grade = judge.grade(sure, labels)
    assert (grade.accuracy, grade.balanced_accuracy) == (pytest.approx(1 / 2), pytest.approx(1 / 3))


@pytest.mark.slow
def test_twenty_seeds_of_two_thousand_points_take_well_under_two_minutes():
    random = np.random.default_rng(0)
    labels = np.arange(2000) % 10
    features = random.normal(size=(2000, 64)) + 2 * random.normal(size=(10, 64))[labels]
    begun = time.perf_counter()

    found = simulate(features, labels)

    assert len(found.judged.records) == 4 * 20 * 11
    assert time.perf_counter() - begun < 90
