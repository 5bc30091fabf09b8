"""The strategy by scikit-activeml's contracts: what comes in, what comes out, and what stays as it was."""

import functools
import inspect

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone

from ddal_jax import scores, suggest
from ddal_jax.diversity.redistribution import TIES
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import DIVERSITIES

pytest.importorskip("skactiveml")

from skactiveml.base import SingleAnnotatorPoolQueryStrategy
from skactiveml.pool import ParallelUtilityEstimationWrapper, SubSamplingWrapper

from ddal_jax.adapters import skactiveml as adapter
from ddal_jax.adapters.skactiveml import DiffusionSampling

# One shape for nearly everything, since each new one compiles.
NUM_POINTS, NUM_NEIGHBORS, BATCH_SIZE = 20, 4, 4
X = np.random.default_rng(0).normal(size=(NUM_POINTS, 3))
LABELS = np.full(NUM_POINTS, -1)
LABELS[[0, 5, 12]] = [0, 1, 2]
Y = np.where(LABELS >= 0, LABELS, np.nan)
UNLABELED = np.flatnonzero(LABELS < 0)
# T float32 means of values in [0, 1], and a square root of their sum.
ROUNDING = 1e-5

strategy = functools.partial(DiffusionSampling, n_neighbors=NUM_NEIGHBORS, classes=[0, 1, 2], random_state=0)
slow = functools.partial(pytest.param, marks=pytest.mark.slow)


def ask(y=Y, batch_size=BATCH_SIZE, **words):
    return strategy().query(X, y, batch_size=batch_size, **words)


@pytest.mark.parametrize("criterion", scores.CRITERIA)
def test_every_criterion_has_a_batch_rule_by_default(criterion, monkeypatch):
    settled = []
    monkeypatch.setattr(adapter, "_pick", lambda X, question, settings, *_, seed: settled.append(settings) or [0])

    strategy(criterion=criterion).query(X, Y, batch_size=BATCH_SIZE)

    counts_picks = criterion in ("root_reach_margin", "margin", "min_abs")
    assert settled[0].criterion == criterion
    assert settled[0].diversity == ("redistribute" if counts_picks else "local_minima")


@pytest.mark.slow
@pytest.mark.parametrize("criterion", scores.CRITERIA)
def test_whatever_the_criterion_the_first_pick_is_best_and_no_pick_comes_twice(criterion):
    indices, utilities = strategy(criterion=criterion).query(X, Y, batch_size=BATCH_SIZE, return_utilities=True)

    assert len(set(indices.tolist())) == BATCH_SIZE
    assert utilities[0, indices[0]] == np.nanmax(utilities[0])


def test_the_default_batch_rule_stays_open_in_a_clone():
    asked = clone(strategy(criterion="norm"))

    assert asked.get_params()["diversity"] is None
    assert asked.set_params(criterion="margin").get_params()["diversity"] is None


def test_it_is_a_strategy_of_theirs_with_the_words_of_theirs():
    theirs = inspect.signature(SingleAnnotatorPoolQueryStrategy.query).parameters
    ours = inspect.signature(DiffusionSampling.query).parameters

    assert issubclass(DiffusionSampling, SingleAnnotatorPoolQueryStrategy)
    assert list(ours) == ["self", "X", "y", "candidates", "batch_size", "return_utilities"]
    assert all(ours[name].default == theirs[name].default for name in ours)


def test_what_is_given_is_kept_as_it_is():
    given = {name: object() for name in inspect.signature(DiffusionSampling).parameters}

    assert DiffusionSampling(**given).get_params(deep=False) == given


def assert_utilities_tell_the_order(indices, utilities):
    """Each pick is the best of its turn, and what was picked, labelled or no candidate is left out."""
    assert utilities.shape == (len(indices), NUM_POINTS)
    for turn, index in enumerate(indices):
        left_out = np.isnan(utilities[turn])
        np.testing.assert_array_equal(np.flatnonzero(left_out), np.union1d(np.flatnonzero(LABELS >= 0), indices[:turn]))
        assert utilities[turn, index] == np.nanmax(utilities[turn])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        slow({"criterion": "margin"}),
        slow({"criterion": "min_abs"}),
        slow({"criterion": "margin", "n_refine_steps": 20}),
        {"criterion": "min_abs", "diversity": "none"},
        slow({"criterion": "min_abs", "diversity": "none", "symmetrize": "none"}),
        *(slow({"criterion": name, "diversity": "none"}) for name in scores.CRITERIA),
        *(slow({"criterion": name, "diversity": "none", "n_refine_steps": 20}) for name in ("norm", "uncertainty")),
    ],
)
def test_higher_utility_is_asked_first_whatever_the_criterion(settings):
    indices, utilities = strategy(**settings).query(X, Y, batch_size=BATCH_SIZE, return_utilities=True)

    assert len(set(indices.tolist())) == BATCH_SIZE
    assert set(indices) <= set(UNLABELED)
    assert_utilities_tell_the_order(indices, utilities)


@pytest.mark.slow
@pytest.mark.parametrize("diversity", DIVERSITIES)
@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("settings", [{}, {"n_rediffusions": 2}, {"n_refine_steps": 9}])
def test_utilities_are_minus_the_scores_when_picked(diversity, ties, settings):
    indices, utilities = strategy(diversity=diversity, ties=ties, **settings).query(
        X, Y, batch_size=BATCH_SIZE, return_utilities=True
    )

    words = {name.replace("n_", "num_"): value for name, value in settings.items()}
    answer = suggest(
        X, LABELS, query_size=BATCH_SIZE, num_neighbors=NUM_NEIGHBORS, diversity=diversity, ties=ties, **words,
        seed=seed_of_first_query(),
    )  # fmt: skip
    np.testing.assert_array_equal(indices, answer.indices)
    np.testing.assert_allclose(utilities[np.arange(BATCH_SIZE), indices], -answer.scores, atol=ROUNDING)


def seed_of_first_query():
    asked = strategy()
    asked._validate_data(X, Y, None, BATCH_SIZE, False)
    return int(asked.random_state_.randint(2**31 - 1))


def test_candidates_as_indices_change_no_utility():
    by_default, utilities = ask(return_utilities=True)
    by_index, same = ask(candidates=UNLABELED, return_utilities=True)
    some = UNLABELED[::2]
    of_some, fewer = ask(candidates=some, return_utilities=True)

    np.testing.assert_array_equal(by_index, by_default)
    np.testing.assert_array_equal(same, utilities)
    assert set(of_some) <= set(some)
    np.testing.assert_array_equal(fewer[0, some], utilities[0, some])
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(fewer[0])), some)


def test_candidates_as_samples_of_the_pool_are_looked_up():
    by_index, utilities = ask(return_utilities=True)

    by_sample, theirs = ask(candidates=X[UNLABELED], return_utilities=True)

    np.testing.assert_array_equal(UNLABELED[by_sample], by_index)
    np.testing.assert_array_equal(theirs, utilities[:, UNLABELED])


def test_candidates_as_new_samples_join_the_graph():
    order = [*range(13), *range(19, 12, -1)]
    by_index, utilities = strategy().query(
        X[order], Y[order], batch_size=BATCH_SIZE, candidates=np.arange(13, 20), return_utilities=True
    )

    by_sample, theirs = strategy().query(
        X[:13], Y[:13], batch_size=BATCH_SIZE, candidates=X[:12:-1], return_utilities=True
    )

    np.testing.assert_array_equal(by_sample, by_index - 13)
    np.testing.assert_array_equal(theirs, utilities[:, 13:])


def test_a_batch_larger_than_what_is_left_warns_and_shrinks():
    with pytest.warns(UserWarning, match="batch_size"):
        indices = ask(candidates=UNLABELED[:BATCH_SIZE], batch_size=BATCH_SIZE + 5)

    np.testing.assert_array_equal(np.sort(indices), UNLABELED[:BATCH_SIZE])


def test_nothing_left_is_an_empty_batch_and_a_warning():
    with pytest.warns(UserWarning, match="batch_size"):
        indices, utilities = ask(y=np.zeros(NUM_POINTS), return_utilities=True)

    assert indices.shape == (0,)
    assert utilities.shape == (0, NUM_POINTS)


def test_the_same_random_state_gives_the_same_answer():
    state = np.random.RandomState(7)
    asked = strategy(random_state=state)
    none = np.full(NUM_POINTS, np.nan)

    first = asked.query(X, none, batch_size=BATCH_SIZE)
    again = asked.query(X, none, batch_size=BATCH_SIZE)
    others = [strategy(random_state=seed).query(X, none, batch_size=BATCH_SIZE).tolist() for seed in range(5)]

    np.testing.assert_array_equal(again, first)
    assert len({tuple(other) for other in others}) > 1


def test_a_query_leaves_what_it_was_given_as_it_was():
    pool, y, candidates = X.copy(), Y.copy(), UNLABELED.copy()
    asked = strategy()
    before = asked.get_params()

    asked.query(pool, y, candidates=candidates, batch_size=BATCH_SIZE)

    np.testing.assert_array_equal(pool, X)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(candidates, UNLABELED)
    assert asked.get_params() == before


@pytest.mark.parametrize("num_labels", [0, 1, NUM_POINTS - BATCH_SIZE])
def test_any_number_of_labels_is_a_valid_start(num_labels):
    y = np.where(np.arange(NUM_POINTS) < num_labels, 1.0, np.nan)

    indices = ask(y)

    assert len(set(indices.tolist())) == BATCH_SIZE
    assert (indices >= num_labels).all()


@pytest.mark.parametrize(
    ("missing_label", "classes", "dtype"),
    [(-1, [0, 1, 2], int), (None, [0, 1, 2], object), (None, ["a", "b", "c"], object), ("", ["a", "b", "c"], str)],
)
def test_missing_labels_are_what_the_user_says(missing_label, classes, dtype):
    y = np.array([classes[label] if label >= 0 else missing_label for label in LABELS], dtype=dtype)

    indices = strategy(missing_label=missing_label, classes=classes).query(X, y, batch_size=BATCH_SIZE)

    np.testing.assert_array_equal(indices, ask())


@pytest.mark.slow
def test_classes_are_read_from_the_labels_unless_given():
    by_labels = strategy(classes=None).query(X, Y, batch_size=BATCH_SIZE)
    one_more = strategy(classes=[0, 1, 2, 3]).query(X, Y, batch_size=BATCH_SIZE)

    np.testing.assert_array_equal(by_labels, ask())
    np.testing.assert_array_equal(one_more, ask())  # the margin does not see a class without labels


def test_utilities_are_built_only_when_asked_for(monkeypatch):
    monkeypatch.setattr(adapter, "_utilities", lambda *_: pytest.fail("nobody asked for utilities"))

    assert isinstance(ask(), np.ndarray)


def test_the_graph_serves_again_until_the_samples_or_its_settings_change(monkeypatch):
    built = []
    graph = adapter.pool_graph(jnp.asarray(X, jnp.float32), GraphSettings(num_neighbors=NUM_NEIGHBORS))
    monkeypatch.setattr(adapter, "pool_graph", lambda *given: built.append(given) or graph)
    asked = strategy()

    asked.query(X, Y, batch_size=BATCH_SIZE)
    asked.query(X, np.full(NUM_POINTS, np.nan), batch_size=BATCH_SIZE)
    assert len(built) == 1
    asked.query(X + np.arange(3) * X, Y, batch_size=BATCH_SIZE)
    assert len(built) == 2
    asked.set_params(symmetrize="none").query(X, Y, batch_size=BATCH_SIZE)
    assert len(built) == 3


def test_it_works_within_the_wrapper_that_draws_candidates():
    wrapped = SubSamplingWrapper(strategy(), max_candidates=BATCH_SIZE, random_state=0)

    indices, utilities = wrapped.query(X, Y, batch_size=BATCH_SIZE, return_utilities=True)

    assert set(indices) <= set(UNLABELED)
    assert utilities.shape == (BATCH_SIZE, NUM_POINTS)


@pytest.mark.slow
def test_it_works_within_the_wrapper_that_splits_candidates():
    asked = strategy()
    wrapped = ParallelUtilityEstimationWrapper(asked, n_jobs=2, parallel_dict={"backend": "threading"}, random_state=0)

    _, utilities = wrapped.query(X, Y, return_utilities=True)

    np.testing.assert_array_equal(utilities, asked.query(X, Y, return_utilities=True)[1])


@pytest.mark.parametrize(
    ("settings", "words", "error", "message"),
    [
        ({"criterion": "entropy"}, {}, ValueError, "criterion must be one of"),
        (
            {"criterion": "norm", "diversity": "redistribute"},
            {},
            ValueError,
            "criterion must be one of .* with diversity='redistribute'",
        ),
        ({"diversity": "kmeans"}, {}, ValueError, "diversity must be one of"),
        ({"ties": "index"}, {}, ValueError, "ties must be one of"),
        ({"n_neighbors": 0}, {}, ValueError, "n_neighbors must be at least 1; got 0"),
        ({"n_neighbors": 2.0}, {}, TypeError, "n_neighbors must be an integer"),
        ({"n_steps": -1}, {}, ValueError, "n_steps must be at least 0"),
        ({"n_rediffusions": 0}, {}, ValueError, "n_rediffusions must be at least 1"),
        ({"n_refine_steps": -1}, {}, ValueError, "n_refine_steps must be at least 0"),
        ({"symmetrize": "min"}, {}, ValueError, "symmetrize must be one of"),
        ({"metric": "manhattan"}, {}, ValueError, "metric must be one of"),
        ({"classes": [0, 1]}, {}, ValueError, "unseen"),
        ({"random_state": "state"}, {}, ValueError, "seed"),
        ({"missing_label": object}, {}, TypeError, "missing_label"),
        ({}, {"batch_size": 0}, ValueError, "batch_size"),
        ({}, {"batch_size": 1.2}, TypeError, "batch_size"),
        ({}, {"return_utilities": "yes"}, TypeError, "return_utilities"),
        ({}, {"candidates": [0, 1]}, ValueError, "must not contain labeled"),
        ({}, {"candidates": [NUM_POINTS]}, ValueError, "indices"),
        ({}, {"X": X[:-1]}, ValueError, "inconsistent numbers of samples"),
        ({}, {"X": X[:, :, None]}, ValueError, "dim 3"),
        ({}, {"X": np.where(X > 1, np.nan, X)}, ValueError, "NaN"),
    ],
)
def test_bad_input_is_refused_by_name(settings, words, error, message):
    with pytest.raises(error, match=message):
        strategy(**settings).query(**{"X": X, "y": Y, **words})
