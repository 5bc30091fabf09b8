"""Batches of points with scikit-activeml, on the features and with the classifier that ours is given the words of."""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from benchmarks.inputs import classifier
from benchmarks.peers import Peer
from benchmarks.sizes import Sizes

_NUM_NEIGHBORS = 20
# A batch of 1,000 takes it half a minute. What it takes for a point does not depend on the batch.
_MOST_PICKS = 100


def prepare_strategy(sizes: Sizes, key, pool) -> tuple:
    """Gives features, labels with NaN where unknown, a fitted classifier, and B."""
    labels = np.where(pool.labeled, pool.labels.astype(float), np.nan)
    return pool.features, labels, _fitted(pool.features, labels, pool.probs.shape[1]), sizes.batch


def prepare_batch(
    sizes: Sizes, key, graph, mass: Float[np.ndarray, "n c"], labeled: Bool[np.ndarray, " n"], features
) -> tuple:
    """Gives the same to rivals of the batch rules, which have no graph."""
    labels = np.where(labeled, mass.argmax(axis=1).astype(float), np.nan)
    return features, labels, _fitted(features, labels, mass.shape[1]), sizes.batch


def margin(features, labels, classifier, batch: int) -> Int[np.ndarray, " b"]:
    """Picks the smallest margins, predictions included."""
    from skactiveml.pool import UncertaintySampling

    strategy = UncertaintySampling(method="margin_sampling", random_state=0)
    return strategy.query(features, labels, classifier, fit_clf=False, batch_size=batch)


def coreset(features, labels, classifier, batch: int) -> Int[np.ndarray, " b"]:
    """Picks a batch by greedy k-centre."""
    from skactiveml.pool import CoreSet

    return CoreSet(random_state=0).query(features, labels, batch_size=batch)


def badge(features, labels, classifier, batch: int) -> Int[np.ndarray, " b"]:
    """Picks a batch by BADGE, gradients included; features stand in for the activations of a network."""
    from skactiveml.pool import Badge

    return Badge(random_state=0).query(features, labels, classifier, fit_clf=False, batch_size=batch)


def typiclust(features, labels, classifier, batch: int) -> Int[np.ndarray, " b"]:
    """Picks a batch by TypiClust, with as many clusters and neighbours as ours."""
    from skactiveml.pool import TypiClust

    with warnings.catch_warnings():
        # Where a cluster has fewer than K points it asks for fewer neighbours, and says so.
        warnings.simplefilter("ignore")
        return TypiClust(random_state=0, k=_NUM_NEIGHBORS).query(features, labels, batch_size=batch)


def _fitted(features, labels: Float[np.ndarray, " n"], num_classes: int) -> Any:
    from skactiveml.classifier import SklearnClassifier

    return SklearnClassifier(classifier(), classes=np.arange(num_classes), random_state=0).fit(features, labels)


def _peer(prepare, run, **limits: int) -> Peer:
    return Peer(
        module="skactiveml", package="scikit-activeml", prepare=prepare, run=run,
        same_work=prepare is prepare_strategy, at_most=limits,
    )  # fmt: skip


MARGIN = _peer(prepare_strategy, margin)
CORESET = _peer(prepare_strategy, coreset)
BADGE = _peer(prepare_strategy, badge, batch=_MOST_PICKS)
TYPICLUST = _peer(prepare_strategy, typiclust)
RIVALS = {
    "margin": _peer(prepare_batch, margin),
    "CoreSet": _peer(prepare_batch, coreset),
    "BADGE": _peer(prepare_batch, badge, batch=_MOST_PICKS),
}
