"""A diffusion query for the learners of modAL, with that project's words.

It goes by modAL's protocol alone, so that modAL need not be installed: a learner's `X_training` and `y_training` are
the known labels, and what is returned are places in the pool and how useful each is, the highest first.
"""

import dataclasses
import warnings
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from ddal_jax import checks
from ddal_jax.adapters.words import features_of, graph_settings, query_settings
from ddal_jax.suggestion import suggest


def diffusion_sampling(
    classifier: Any,
    X_pool: Any,
    n_instances: int = 1,
    *,
    criterion: str = "root_reach_margin",
    diversity: str = "redistribute",
    ties: str = "random",
    n_neighbors: int = 10,
    n_steps: int | None = None,
    symmetrize: str = "max",
    metric: str = "euclidean",
    n_rediffusions: int | None = None,
    n_refine_steps: int | None = None,
    num_classes: int | None = None,
    seed: int = 0,
) -> tuple[Int[np.ndarray, " b"], Float[np.ndarray, " b"]]:
    """Asks for the points of the pool whose diffused label is weakest; a query strategy of modAL.

    The graph stands on the training points and the pool together. Where the learner queries on transformed features
    (`on_transformed`), so does this. Deterministic, since modAL may call a strategy twice.

    Args:
      classifier: a learner or anything with `X_training` and `y_training`; both None where nothing is labelled yet.
      X_pool: the pool, none of it labelled.
      n_instances: how many to ask for; shrunk with a warning where the pool has fewer.
      criterion: as in `ddal_jax.suggest`, and so are `diversity` and `ties`.
      diversity: batch rule.
      ties: what orders points that nothing reaches.
      n_neighbors: K; all other points where there are fewer.
      n_steps: T; by default the smallest T with K^T > N, at least 6.
      symmetrize: as in `ddal_jax.affinity`.
      metric: "euclidean" or "cosine".
      n_rediffusions: turns in which a batch is picked; by default the smaller of its size and 16.
      n_refine_steps: steps that replace T once the whole pool is reached; for features that stay fixed.
      num_classes: C, where some classes may not have a label yet; by default those in `y_training`, at least 2.
      seed: settles ties.

    Returns:
      Places in `X_pool` in the order picked, and minus the score of each when it was picked: higher = asked first, as
      with modAL's own measures.

    Raises:
      ValueError: bad shapes or values, an unknown name.
      TypeError: settings that are no integers.
    """
    pool = _features("X_pool", classifier, X_pool)
    n_instances = checks.integer("n_instances", n_instances, low=1)
    if n_instances > len(pool):
        warnings.warn(
            f"n_instances={n_instances} is more than the {len(pool)} points of the pool: all are asked.", stacklevel=2
        )
        n_instances = len(pool)
    known, codes = _training_set(classifier)
    if known is not None and known.shape[1] != pool.shape[1]:
        raise ValueError(f"X_pool must have as many columns as X_training, {known.shape[1]}; got {pool.shape[1]}.")
    points = pool if known is None else np.concatenate([known, pool])
    labels = np.concatenate([codes, np.full(len(pool), -1)])
    graph = graph_settings(len(points), n_neighbors=n_neighbors, n_steps=n_steps, symmetrize=symmetrize, metric=metric)
    query_words = query_settings(
        criterion=criterion, diversity=diversity, ties=ties,
        n_rediffusions=n_rediffusions, n_refine_steps=n_refine_steps,
    )  # fmt: skip
    answer = suggest(
        np.asarray(features_of("X_training and X_pool", points, metric)), labels, query_size=n_instances, seed=seed,
        num_classes=max(2, int(labels.max()) + 1) if num_classes is None else num_classes,
        num_neighbors=graph.num_neighbors, num_steps=graph.num_steps, symmetrize=symmetrize, metric=metric,
        **dataclasses.asdict(query_words),
    )  # fmt: skip
    return answer.indices.astype(int) - len(codes), -answer.scores.astype(float)


def _training_set(classifier: Any) -> tuple[Float[np.ndarray, "l d"] | None, Int[np.ndarray, " l"]]:
    """Returns the learner's known points with their classes as codes; None and no codes where it has none."""
    if not hasattr(classifier, "X_training") or hasattr(classifier, "learner_list"):
        raise TypeError(
            f"classifier must be a learner with X_training and y_training; got {type(classifier).__name__}. "
            "A committee keeps them in its learners: query with one of those."
        )
    if classifier.X_training is None:
        return None, np.zeros(0, int)
    known = _features("X_training", classifier, classifier.X_training)
    classes = column_or_1d(classifier.y_training)
    check_consistent_length(known, classes)
    check_classification_targets(classes)
    return known, np.unique(classes, return_inverse=True)[1]


def _features(name: str, classifier: Any, X: Any) -> Float[np.ndarray, "n d"]:
    if getattr(classifier, "on_transformed", False):
        X = classifier.transform_without_estimating(X)
    return check_array(X, input_name=name)
