"""The classifier by scikit-learn's rules, by what diffusion means, and where nothing is known."""

import functools
import pickle
import warnings

import numpy as np
import oracles
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from ddal_jax.adapters import sklearn as adapter
from ddal_jax.adapters.sklearn import DiffusionClassifier, UnreachedWarning

# The shape on which scikit-learn's checks fit most often, so that they and these tests share what is compiled.
NUM_POINTS, NUM_FEATURES, NUM_NEIGHBORS, NUM_STEPS = 20, 3, 4, 6
BIASES = np.repeat([0.0, 100.0], NUM_POINTS // 2)[:, None]
X = np.random.default_rng(0).normal(size=(NUM_POINTS, NUM_FEATURES)) + BIASES
NEW = np.random.default_rng(1).normal(size=(9, NUM_FEATURES)) + BIASES[::2][:9]
# Classes 0, 1 and 2, with labels on both islands, and with labels on the first one alone.
LABELS = np.full(NUM_POINTS, -1)
LABELS[[0, 5, 12, 17]] = [0, 1, 1, 2]
ONE_SIDED = np.where(np.arange(NUM_POINTS) < NUM_POINTS // 2, LABELS, -1)
NAMES = np.array(["bird", "cat", "dog"])
SYMMETRIZATIONS = [
    *("max", "mutual", "none"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("mean", "self_tuning")),
]
# T float32 means of values in [0, 1], divided by a reach that is not tiny here.
ROUNDING = 1e-5

classifier = functools.partial(DiffusionClassifier, n_neighbors=NUM_NEIGHBORS)


def expected_failures(estimator):
    if estimator.missing_label == -1:
        return {"check_classifiers_classes": "it takes -1 for a class, which by default marks an unknown label"}
    return {}


every_check = parametrize_with_checks(
    [
        DiffusionClassifier(),
        DiffusionClassifier(missing_label=None),
        DiffusionClassifier(missing_label=float("nan"), n_neighbors=5, n_steps=3, symmetrize="none"),
    ],
    expected_failed_checks=expected_failures,
)


# As a list, since older versions of scikit-learn pass an iterator, which pytest warns of.
@pytest.mark.slow
@pytest.mark.parametrize(every_check.args[0], list(every_check.args[1]), **every_check.kwargs)
def test_every_check_of_scikit_learn_passes(estimator, check):
    check(estimator)


def quick_checks():
    """Those that fit on the shape of this module, or not at all."""
    quick = {
        "check_estimator_cloneable", "check_estimator_tags_renamed", "check_valid_tag_types", "check_estimator_repr",
        "check_no_attributes_set_in_init", "check_estimators_unfitted", "check_mixin_order", "check_complex_data",
        "check_estimators_empty_data_messages", "check_estimator_sparse_tag", "check_fit2d_1sample", "check_fit1d",
        "check_classifiers_regression_target", "check_supervised_y_no_nan", "check_get_params_invariance",
        "check_set_params", "check_requires_y_none", "check_parameters_default_constructible",
        "check_dont_overwrite_parameters", "check_f_contiguous_array_estimator", "check_dict_unchanged",
        "check_methods_sample_order_invariance", "check_fit2d_predict1d",
    }  # fmt: skip
    found = [(check.func.__name__, check) for _, check in estimator_checks_generator(DiffusionClassifier())]
    assert quick <= {name for name, _ in found}
    return [pytest.param(check, id=name) for name, check in found if name in quick]


@pytest.mark.parametrize("check", quick_checks())
def test_checks_of_scikit_learn_on_one_shape_pass(check):
    check(classifier())


@functools.cache
def dense_weights(symmetrize="max"):
    return oracles.affinity(*oracles.nearest_neighbors(X, NUM_NEIGHBORS), symmetrize)


def diffused(labels, symmetrize="max"):
    labeled = labels >= 0
    start = oracles.one_hot(labels, labeled, 3)
    return oracles.clamped_diffusion(oracles.transition(dense_weights(symmetrize)), start, labeled, NUM_STEPS)


def shares(mass):
    reach = mass.sum(axis=1, keepdims=True)
    return np.where(reach > 0, mass / np.where(reach > 0, reach, 1.0), 1 / mass.shape[1])


def fit(labels=LABELS, **settings):
    """Fits, with a warning or without."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachedWarning)
        return classifier(**settings).fit(X, labels)


def test_fitted_rows_get_what_diffusion_gives_them():
    fitted = classifier().fit(X, LABELS)

    mass = diffused(LABELS)
    hops = oracles.hops(dense_weights(), LABELS >= 0)
    assert fitted.reached_.all()
    np.testing.assert_allclose(fitted.label_distributions_, shares(mass), atol=ROUNDING)
    np.testing.assert_array_equal(fitted.transduction_, mass.argmax(axis=1))
    np.testing.assert_array_equal(fitted.hops_, hops)
    np.testing.assert_array_equal(fitted.classes_, [0, 1, 2])


def test_by_default_steps_follow_the_rule():
    fitted = fit()

    assert (fitted.n_neighbors_, fitted.n_steps_, fitted.n_features_in_) == (NUM_NEIGHBORS, NUM_STEPS, NUM_FEATURES)


@pytest.mark.slow
def test_there_are_at_most_as_many_neighbors_as_other_rows():
    crowded = fit(n_neighbors=NUM_POINTS)

    assert (crowded.n_neighbors_, crowded.n_steps_) == (NUM_POINTS - 1, 6)
    assert crowded.reached_.all()


def test_a_row_out_of_reach_is_told_and_not_guessed():
    with pytest.warns(UnreachedWarning, match="10 of 20 rows are out of reach") as told:
        fitted = classifier().fit(X, ONE_SIDED)

    here = np.arange(NUM_POINTS) < NUM_POINTS // 2
    assert len(told) == 1
    assert fitted.reached_.dtype == bool
    np.testing.assert_array_equal(fitted.reached_, here)
    np.testing.assert_array_equal(fitted.label_distributions_[~here], 0.5)
    np.testing.assert_array_equal(fitted.transduction_[~here], -1)
    np.testing.assert_array_equal(fitted.hops_[~here], -1)
    assert (fitted.transduction_[here] >= 0).all()


@pytest.mark.parametrize("ask", [DiffusionClassifier.predict, DiffusionClassifier.predict_proba])
def test_new_rows_out_of_reach_are_told_once(ask):
    fitted = fit(ONE_SIDED)

    with pytest.warns(UnreachedWarning) as told:
        answer = ask(fitted, NEW)

    assert len(told) == 1
    assert np.isfinite(answer).all()


def test_probabilities_out_of_reach_are_uniform_and_reaches_tells_where():
    fitted = fit(ONE_SIDED)

    reached = fitted.reaches(NEW)
    with pytest.warns(UnreachedWarning):
        probabilities = fitted.predict_proba(NEW)

    np.testing.assert_array_equal(reached, NEW[:, 0] < 50)
    np.testing.assert_array_equal(probabilities[~reached], 0.5)


def test_nothing_is_told_where_everything_is_reached():
    fitted = classifier().fit(X, LABELS)

    np.testing.assert_allclose(fitted.predict_proba(NEW).sum(axis=1), 1.0, atol=1e-12)  # float64 sums of three
    assert fitted.score(X, fitted.transduction_) == 1.0


def named(missing):
    return [NAMES[label] if label >= 0 else missing for label in LABELS]


@pytest.mark.parametrize(
    ("missing_label", "y"),
    [
        (-1, named(-1)),
        (-1, np.array(named(-1), dtype=object)),
        (None, named(None)),
        (np.nan, named(np.nan)),
        ("", np.array(named(""))),
        ("unknown", named("unknown")),
    ],
)
def test_classes_may_be_strings_and_missing_labels_anything(missing_label, y):
    fitted = fit(y, missing_label=missing_label)

    np.testing.assert_array_equal(fitted.classes_, NAMES)
    np.testing.assert_array_equal(fitted.transduction_, NAMES[fit().transduction_])
    np.testing.assert_array_equal(fitted.predict(NEW), NAMES[fit().predict(NEW)])


@pytest.mark.parametrize("dtype", [object, "str", "string", "category"])
@pytest.mark.parametrize("missing_label", [None, np.nan])
def test_no_value_in_a_column_of_pandas_is_a_missing_label(dtype, missing_label):
    pd = pytest.importorskip("pandas")
    if dtype == "str" and pd.__version__ < "3":
        pytest.skip("there, None becomes a string")

    fitted = fit(pd.Series(named(None), dtype=dtype), missing_label=missing_label)

    np.testing.assert_array_equal(fitted.classes_, NAMES)
    np.testing.assert_array_equal(fitted.transduction_, NAMES[fit().transduction_])


@pytest.mark.parametrize(
    ("missing_label", "y"),
    [
        (-1, LABELS.astype(float)),
        (np.nan, np.where(LABELS >= 0, LABELS, np.nan)),
        (7, np.where(LABELS >= 0, LABELS, 7)),
        (None, [label if label >= 0 else None for label in LABELS.tolist()]),
    ],
)
def test_missing_labels_among_numbers_may_be_anything(missing_label, y):
    fitted = fit(y, missing_label=missing_label)

    np.testing.assert_array_equal(fitted.classes_, [0, 1, 2])
    np.testing.assert_array_equal(fitted.transduction_, fit().transduction_)


def test_transduction_keeps_the_missing_label_as_it_came():
    y = np.array([NAMES[label] if label >= 0 else None for label in ONE_SIDED], dtype=object)

    fitted = fit(y, missing_label=None)

    assert fitted.transduction_[-1] is None
    assert fitted.transduction_[0] == "bird"
    assert y[1] is None


def joined(symmetrize, row):
    """Mass of a new row: one step to its nearest fitted rows, weighed as if it had been among them."""
    sq_distances = ((X.astype(np.float32).astype(float) - row.astype(np.float32).astype(float)) ** 2).sum(axis=1)
    widths = oracles.nearest_neighbors(X, NUM_NEIGHBORS)[1][:, -1]
    near = np.argsort(sq_distances)[:NUM_NEIGHBORS]
    own = sq_distances[near[-1]]
    weights = {
        "none": lambda j: np.exp(-sq_distances[j] / own),
        "max": lambda j: max(np.exp(-sq_distances[j] / own), np.exp(-sq_distances[j] / widths[j])),
        "mean": lambda j: (np.exp(-sq_distances[j] / own) + listed(j) * np.exp(-sq_distances[j] / widths[j])) / 2,
        "mutual": lambda j: listed(j) * min(np.exp(-sq_distances[j] / own), np.exp(-sq_distances[j] / widths[j])),
        "self_tuning": lambda j: np.exp(-sq_distances[j] / np.sqrt(own * widths[j])),
    }[symmetrize]

    def listed(j):
        return sq_distances[j] < widths[j]

    each = np.array([weights(j) for j in near])
    return each @ diffused(LABELS, symmetrize)[near] / each.sum() if each.sum() > 0 else np.zeros(3)


@pytest.mark.parametrize("symmetrize", SYMMETRIZATIONS)
def test_new_rows_join_by_the_affinity_of_the_graph(symmetrize):
    fitted = fit(symmetrize=symmetrize)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachedWarning)  # without mutual neighbours a row is alone
        answer = fitted.predict_proba(NEW)

    np.testing.assert_allclose(answer, shares(np.stack([joined(symmetrize, row) for row in NEW])), atol=ROUNDING)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_fitted_row_is_answered_as_it_was_fitted(metric):
    fitted = fit(metric=metric)

    np.testing.assert_array_equal(fitted.predict_proba(X), fitted.label_distributions_)
    np.testing.assert_array_equal(fitted.predict_proba(X[3:4]), fitted.label_distributions_[3:4])


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_fitted_rows_are_known_again_in_any_company(metric):
    rng = np.random.default_rng(0)
    many, classes = rng.normal(size=(300, 50)) + 2, rng.integers(-1, 3, 300)
    fitted = DiffusionClassifier(metric=metric).fit(many, classes)

    for size in (1, 2, 7, 33, 150):
        rows = rng.choice(300, size, replace=False)
        np.testing.assert_array_equal(fitted.predict_proba(many[rows]), fitted.label_distributions_[rows])


def test_cosine_does_not_see_the_length_of_a_row():
    fitted = fit(metric="cosine")

    # Lengths are rounded anew, which moves distances by some units in the last place of float32.
    np.testing.assert_allclose(fitted.predict_proba(8.0 * NEW), fitted.predict_proba(NEW), atol=1e-4)


def test_a_row_on_fitted_rows_takes_their_mean():
    doubled = np.array(X)
    doubled[5] = doubled[0]

    fitted = classifier().fit(doubled, LABELS)

    np.testing.assert_allclose(fitted.predict_proba(doubled[:1]), [[0.5, 0.5, 0.0]])


def test_tiles_do_not_change_the_answer(monkeypatch):
    fitted = fit()
    whole = fitted.predict_proba(NEW)

    monkeypatch.setattr(adapter, "_NUMBERS_IN_TILE", 1)

    np.testing.assert_array_equal(fitted.predict_proba(NEW), whole)


def test_a_copy_by_pickle_answers_alike_and_a_clone_is_unfitted():
    fitted = fit()

    unpickled = pickle.loads(pickle.dumps(fitted))

    np.testing.assert_array_equal(unpickled.predict_proba(NEW), fitted.predict_proba(NEW))
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "classes_")


def test_it_stands_in_a_pipeline_and_knows_the_names_of_columns():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=["a", "b", "c"])

    piped = make_pipeline(FunctionTransformer(), classifier()).fit(table, LABELS)

    np.testing.assert_array_equal(piped[-1].feature_names_in_, ["a", "b", "c"])
    np.testing.assert_array_equal(piped.predict(table), fit().transduction_)


@pytest.mark.parametrize(
    ("settings", "y", "error", "message"),
    [
        ({}, np.full(NUM_POINTS, -1), ValueError, "y must hold at least one known class.*missing_label=-1"),
        ({}, LABELS[:-1], ValueError, "inconsistent numbers of samples"),
        ({}, np.array(named(-1)), ValueError, "y holds the string '-1' where missing_label is -1"),
        ({"missing_label": np.nan}, np.array(named(np.nan)), ValueError, "y holds the string 'nan'"),
        (
            {"missing_label": None},
            [*NAMES, *range(17)],
            ValueError,
            "y must hold strings or numbers as classes; got both",
        ),
        ({"n_neighbors": 0}, LABELS, ValueError, "n_neighbors must be at least 1; got 0"),
        ({"n_steps": 1.5}, LABELS, TypeError, "n_steps must be an integer"),
        ({"symmetrize": "min"}, LABELS, ValueError, "symmetrize must be one of"),
        ({"metric": "manhattan"}, LABELS, ValueError, "metric must be one of"),
    ],
)
def test_bad_input_is_refused_by_name(settings, y, error, message):
    with pytest.raises(error, match=message):
        classifier(**settings).fit(X, y)


def test_a_row_without_direction_is_refused_by_name():
    flat = np.array(X)
    flat[4] = 0

    with pytest.raises(ValueError, match="X must have no zero row when metric is 'cosine'; got zeros in row 4"):
        classifier(metric="cosine").fit(flat, LABELS)
