"""What labels say of all other points: the harmonic solution, by a direct solve in float64."""

from collections.abc import Sequence

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from ddal_jax.graph.types import Graph


def accuracies(
    graph: Graph,
    labels: Int[np.ndarray, " n"],
    order: Int[np.ndarray, " m"],
    checkpoints: Sequence[int],
    *,
    num_classes: int,
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """Returns the accuracy, and its mean over classes, on the points not known at each checkpoint.

    A point is told the class it has most mass of, the lowest of equals. With the points in the reverse of the order in
    which they become known, the Laplacian of each checkpoint is the leading block of the first one's, and so is its
    Cholesky factor: N^3 / 3 once, in float64, since a first label leaves L_uu close to singular.

    Args:
      graph: connected.
      labels: of all points.
      order: points in the order in which they become known.
      checkpoints: numbers of known points, ascending.
      num_classes: C.

    Paper: Eq. (4).
    """
    weights, one_hot = dense_weights(graph), np.eye(num_classes)[labels]
    unknown = np.setdiff1d(np.arange(len(labels)), order)
    backwards = np.concatenate([unknown, order[checkpoints[0] :][::-1]])
    laplacian = np.diag(weights.sum(axis=1)) - weights
    factor = scipy.linalg.cholesky(laplacian[np.ix_(backwards, backwards)], lower=True)
    plain, balanced = [], []
    for count in checkpoints:
        free, known = backwards[: len(labels) - count], order[:count]
        inflow = weights[np.ix_(free, known)] @ one_hot[known]
        mass = scipy.linalg.cho_solve((factor[: len(free), : len(free)], True), inflow)
        right = mass.argmax(axis=1) == labels[free]
        plain.append(right.mean())
        balanced.append(np.mean([right[labels[free] == label].mean() for label in np.unique(labels[free])]))
    return np.array(plain), np.array(balanced)


def dense_weights(graph: Graph) -> Float[np.ndarray, "n n"]:
    """Returns W of a small graph."""
    n = len(graph.degrees)
    weights = np.zeros((n, n))
    owners = np.broadcast_to(np.asarray(graph.owners)[:, None], graph.neighbors.shape)
    np.add.at(weights, (owners, np.asarray(graph.neighbors)), np.asarray(graph.weights, np.float64))
    return weights
