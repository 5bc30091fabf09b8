"""The query function by modAL's protocol, which is all it knows of modAL."""

import functools
import types

import numpy as np
import pytest
from processes import run_python

from ddal_jax import suggest
from ddal_jax.adapters.modal import diffusion_sampling

# The shape of the other adapters' tests.
NUM_POINTS, NUM_NEIGHBORS, NUM_INSTANCES, NUM_LABELS = 20, 4, 4, 6
POINTS = np.random.default_rng(0).normal(size=(NUM_POINTS, 3))
CLASSES = np.arange(NUM_POINTS) % 3

sample = functools.partial(diffusion_sampling, n_neighbors=NUM_NEIGHBORS, num_classes=3)


class Learner:
    """What modAL's learners offer a strategy, and what they do with its answer."""

    on_transformed = False

    def __init__(self, X_training=None, y_training=None):
        self.X_training, self.y_training = X_training, y_training

    def query(self, X_pool, **words):
        indices, metrics = sample(self, X_pool, **words)
        return indices, X_pool[indices], metrics

    def teach(self, X, y):
        known = self.X_training is not None
        self.X_training = np.vstack([self.X_training, X]) if known else X
        self.y_training = np.hstack([self.y_training, y]) if known else y


def taught(classes=CLASSES):
    return Learner(POINTS[:NUM_LABELS], classes[:NUM_LABELS])


def test_places_in_the_pool_and_utilities_come_back_best_first():
    indices, utilities = sample(taught(), POINTS[NUM_LABELS:], n_instances=NUM_INSTANCES)

    labels = np.where(np.arange(NUM_POINTS) < NUM_LABELS, CLASSES, -1)
    expected = suggest(POINTS, labels, query_size=NUM_INSTANCES, num_classes=3, num_neighbors=NUM_NEIGHBORS)
    np.testing.assert_array_equal(indices, expected.indices - NUM_LABELS)
    np.testing.assert_array_equal(utilities, -expected.scores)
    assert indices.dtype == int
    assert utilities.dtype == float


def test_it_asks_the_same_when_called_again():
    first = sample(taught(), POINTS[NUM_LABELS:], n_instances=NUM_INSTANCES)
    again = sample(taught(), POINTS[NUM_LABELS:], n_instances=NUM_INSTANCES)

    np.testing.assert_array_equal(again, first)


def test_classes_may_be_strings():
    by_name = sample(taught(np.array(["a", "b", "c"])[CLASSES]), POINTS[NUM_LABELS:], n_instances=NUM_INSTANCES)

    np.testing.assert_array_equal(by_name, sample(taught(), POINTS[NUM_LABELS:], n_instances=NUM_INSTANCES))


def test_a_loop_from_nothing_asks_every_point_once():
    learner, pool, classes = Learner(), POINTS, CLASSES

    while len(pool):
        indices, points, _ = learner.query(pool, n_instances=NUM_INSTANCES)
        learner.teach(points, classes[indices])
        pool, classes = np.delete(pool, indices, axis=0), np.delete(classes, indices)

    order = np.lexsort(learner.X_training.T)
    np.testing.assert_array_equal(learner.X_training[order], POINTS[np.lexsort(POINTS.T)])
    np.testing.assert_array_equal(learner.y_training[order], CLASSES[np.lexsort(POINTS.T)])


def test_more_instances_than_points_warn_and_shrink():
    learner = Learner(POINTS[:-NUM_INSTANCES], CLASSES[:-NUM_INSTANCES])

    with pytest.warns(UserWarning, match="n_instances=9 is more than the 4 points of the pool"):
        indices, _ = sample(learner, POINTS[-NUM_INSTANCES:], n_instances=9)

    np.testing.assert_array_equal(np.sort(indices), np.arange(NUM_INSTANCES))


def test_a_learner_that_queries_on_transformed_features_is_followed():
    learner = taught()
    learner.on_transformed = True
    learner.transform_without_estimating = lambda X: X[:, ::-1] * [1.0, 2.0, 8.0]

    transformed = sample(learner, POINTS[NUM_LABELS:], n_instances=NUM_INSTANCES)

    by_hand = Learner(learner.transform_without_estimating(POINTS[:NUM_LABELS]), CLASSES[:NUM_LABELS])
    pool = learner.transform_without_estimating(POINTS[NUM_LABELS:])
    np.testing.assert_array_equal(transformed, sample(by_hand, pool, n_instances=NUM_INSTANCES))
    plain = sample(taught(), POINTS[NUM_LABELS:], n_instances=NUM_INSTANCES)
    assert not np.array_equal(transformed[1], plain[1])


@pytest.mark.slow
def test_the_papers_rule_can_be_asked_for():
    words = {"criterion": "min_abs", "diversity": "none", "symmetrize": "none", "metric": "cosine", "n_steps": 2}

    indices, _ = sample(taught(), POINTS[NUM_LABELS:], n_instances=NUM_INSTANCES, n_refine_steps=5, **words)

    words["num_steps"] = words.pop("n_steps")
    labels = np.where(np.arange(NUM_POINTS) < NUM_LABELS, CLASSES, -1)
    expected = suggest(
        POINTS, labels, query_size=NUM_INSTANCES, num_neighbors=NUM_NEIGHBORS, num_refine_steps=5, **words
    )
    np.testing.assert_array_equal(indices, expected.indices - NUM_LABELS)


@pytest.mark.parametrize(
    ("classifier", "words", "error", "message"),
    [
        (object(), {}, TypeError, "classifier must be a learner with X_training and y_training; got object"),
        (types.SimpleNamespace(X_training=None, learner_list=[taught()]), {}, TypeError, "A committee keeps them"),
        (Learner(POINTS[:3, :2], CLASSES[:3]), {}, ValueError, "must have as many columns"),
        (Learner(POINTS[:3], CLASSES[:2]), {}, ValueError, "inconsistent numbers of samples"),
        (Learner(POINTS[:3], np.array([0.5, 1.5, 2.5])), {}, ValueError, "Unknown label type"),
        (taught(), {"n_instances": 0}, ValueError, "n_instances must be at least 1"),
        (taught(), {"n_instances": 1.0}, TypeError, "n_instances must be an integer"),
        (taught(), {"n_neighbors": 0}, ValueError, "n_neighbors must be at least 1"),
        (taught(), {"criterion": "entropy"}, ValueError, "criterion must be one of"),
        (taught(), {"metric": "manhattan"}, ValueError, "metric must be one of"),
        (taught(), {"num_classes": 2}, ValueError, r"must lie in \[-1, 1\] for 2 classes"),
    ],
)
@pytest.mark.usefixtures("plain_types")
def test_bad_input_is_refused_by_name(classifier, words, error, message):
    with pytest.raises(error, match=message):
        sample(classifier, POINTS[NUM_LABELS:], **words)


def test_importing_the_adapters_imports_no_peer():
    script = "import sys, ddal_jax.adapters; print({'jax', 'sklearn', 'skactiveml', 'modAL'} & set(sys.modules))"

    assert run_python(script).strip() == "set()"
