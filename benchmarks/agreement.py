"""Whether a peer gives the answer of `ddal_jax` on the very case that is timed: a ratio to another answer says nothing.

Every function takes the peer's answer, ours and the arrays of the case, all in NumPy and for one seed.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse
import scipy.spatial
from jaxtyping import Float, Int

from benchmarks.peers import csr_of, min_abs
from benchmarks.spectral_peers import TOLERANCE, Pair, normalized

LARGEST_DIFFERENCE = 1e-5
SMALLEST_SHARE = 0.999
# Squared distances that differ by less, in parts of the larger one, are taken for rounding of the features.
_SAME_DISTANCE = 1e-6
# Greedy k-centre may take either of two points that are equally far, and goes on from there; the radius stays near.
_SAME_RADIUS = 0.01
# What rounding in float32 adds to a residual that a solver has estimated.
_SLACK = 5e-6


class Agreement(NamedTuple):
    """How close two answers are.

    Attributes:
      measure: what `value` is.
      value: the measured closeness.
      limit: what `value` must not go beyond.
      agrees: the verdict.
      detail: what else there is to know, or "".
    """

    measure: str
    value: float
    limit: float
    agrees: bool
    detail: str = ""


def worst(agreements: list[Agreement]) -> Agreement:
    """Returns a disagreement if there is one, else the agreement of the first seed."""
    return min(agreements, key=lambda agreement: agreement.agrees)


def same_neighbors(theirs: Int[np.ndarray, "n k"], ours, features: Float[np.ndarray, "n d"]) -> Agreement:
    """Counts the rows with the same set of neighbours, and tells who is right where they differ."""
    theirs, neighbors = np.asarray(theirs), np.asarray(ours.neighbors)
    measure = "share of rows with the same neighbors"
    if theirs.shape != neighbors.shape:
        return Agreement(measure, 0.0, SMALLEST_SHARE, agrees=False, detail=f"shape {theirs.shape}")
    differing = np.flatnonzero((np.sort(theirs, axis=1) != np.sort(neighbors, axis=1)).any(axis=1))
    share = 1 - len(differing) / len(theirs)
    detail = ""
    if len(differing):
        at_most = _total_sq_distance(features, differing, neighbors) <= _total_sq_distance(features, differing, theirs)
        detail = f"{len(differing)} rows differ; in float64 ours are at least as near in {int(at_most.sum())}"
    return Agreement(measure, share, SMALLEST_SHARE, bool(share >= SMALLEST_SHARE), detail)


def no_nearer_neighbors(theirs: Int[np.ndarray, "n k"], ours, features: Float[np.ndarray, "n d"]) -> Agreement:
    """Counts the rows in which a peer found nearer points than ours, in float64; where it found further ones is told.

    For data on which float32 products cannot tell neighbours, so that a peer's answer is not the one to agree with.
    """
    theirs, neighbors = np.asarray(theirs), np.asarray(ours.neighbors)
    differing = np.flatnonzero((np.sort(theirs, axis=1) != np.sort(neighbors, axis=1)).any(axis=1))
    our_total = _total_sq_distance(features, differing, neighbors)
    their_total = _total_sq_distance(features, differing, theirs)
    num_missed = int((their_total < our_total * (1 - _SAME_DISTANCE)).sum())
    num_further = int((our_total < their_total * (1 - _SAME_DISTANCE)).sum())
    detail = f"the peer's are further in {num_further} of {len(theirs)} rows"
    return Agreement("rows in which the peer's neighbors are nearer", num_missed, 0, num_missed == 0, detail)


def same_weights(theirs: scipy.sparse.csr_array, ours, *_) -> Agreement:
    """Compares weighted adjacency matrices entry by entry."""
    table = csr_of(ours.neighbors, ours.weights, ours.owners, len(ours.degrees))
    return _difference("largest difference of a weight", abs(theirs - table).max())


def same_mass(theirs: Float[np.ndarray, "n c"], ours: Float[np.ndarray, "n c"], *_) -> Agreement:
    """Compares diffused mass entry by entry."""
    return _difference("largest difference of mass", np.abs(theirs - ours).max())


def same_query(theirs, ours, key, graph, mass, labeled) -> Agreement:
    """Compares the picks of a query by their scores, since ties are drawn: both scored on the peer's mass."""
    picked, diffused = theirs
    query, _ = ours
    return _picks(picked, query.indices, min_abs(diffused), labeled)


def same_selection(theirs: Int[np.ndarray, " b"], ours: Int[np.ndarray, " b"], key, scores, labeled) -> Agreement:
    """Compares picks by their scores, since ties are drawn."""
    return _picks(theirs, ours, scores, labeled)


def same_task(theirs: Int[np.ndarray, " b"], ours, key, graph, mass, labeled, features) -> Agreement:
    """Counts bad picks of either side: rival rules pick other points, but both must pick B, unlabelled and distinct."""
    return _proper(theirs, ours.indices, labeled)


def same_batch(theirs: Int[np.ndarray, " b"], ours, key, pool) -> Agreement:
    """Counts bad picks of either side, for strategies that draw their batch."""
    return _proper(theirs, ours.indices, pool.labeled)


def same_margin(theirs: Int[np.ndarray, " b"], ours, key, pool) -> Agreement:
    """Compares picks by their margins, since ties are drawn."""
    second, first = np.partition(pool.probs, -2, axis=1)[:, -2:].T
    return _picks(theirs, ours.indices, first - second, pool.labeled)


def same_radius(theirs: Int[np.ndarray, " b"], ours, key, pool) -> Agreement:
    """Compares how well labelled points and picks cover the pool."""
    own, other = (_radius(pool, picked) for picked in (ours.indices, theirs))
    difference = abs(own - other) / own
    proper = _proper(theirs, ours.indices, pool.labeled)
    if not proper.agrees:
        return proper
    return Agreement("relative difference of the radius", difference, _SAME_RADIUS, bool(difference < _SAME_RADIUS))


def same_eigenpair(theirs: Pair, ours, key, graph) -> Agreement:
    """Compares second eigenvalues, and measures both residuals anew, in float64."""
    operator, first = normalized(graph)
    values, vectors = np.asarray(ours.eigenvalues, np.float64), np.asarray(ours.eigenvectors, np.float64)
    pairs = (theirs, Pair(float(values[1]), vectors[:, 1] * first))
    residuals = [_residual(operator, pair) for pair in pairs]
    value = max(*residuals, abs(pairs[0].value - pairs[1].value))
    limit = TOLERANCE + _SLACK
    detail = f"lambda_2 {pairs[1].value:.6f}; residuals: theirs {residuals[0]:.1e}, ours {residuals[1]:.1e}"
    return Agreement("largest residual, or difference of lambda_2", value, limit, bool(value < limit), detail)


def _residual(operator: scipy.sparse.csr_array, pair: Pair) -> float:
    vector = pair.vector.astype(np.float64) / np.linalg.norm(pair.vector.astype(np.float64))
    return float(np.linalg.norm(operator @ vector - pair.value * vector))


def _radius(pool, picked: Int[np.ndarray, " b"]) -> float:
    features = pool.features.astype(np.float64)
    centres = np.concatenate([features[pool.labeled], features[picked]])
    nearest, _ = scipy.spatial.cKDTree(centres).query(features)
    return float(nearest.max())


def _proper(theirs, ours, labeled) -> Agreement:
    num_bad = sum(
        len(picked) - len(np.unique(picked)) + int(labeled[picked].sum()) + int((picked < 0).sum())
        for picked in (np.asarray(theirs), ours)
    )
    return Agreement("picks labelled or made twice, or missing", num_bad, 0, agrees=num_bad == 0)


def _picks(theirs, ours, scores, labeled) -> Agreement:
    difference = np.abs(np.sort(scores[theirs]) - np.sort(scores[ours])).max()
    agreement = _difference("largest difference of a picked score", difference)
    for name, picked in (("peer", theirs), ("ddal_jax", ours)):
        if len(np.unique(picked)) < len(picked) or picked.min() < 0 or labeled[picked].any():
            agreement = agreement._replace(agrees=False, detail=f"{name} picked a labelled point or one twice")
    return agreement


def _difference(measure: str, value: float) -> Agreement:
    # Written so that NaN disagrees.
    return Agreement(measure, float(value), LARGEST_DIFFERENCE, bool(value < LARGEST_DIFFERENCE))


def _total_sq_distance(features, rows: Int[np.ndarray, " m"], neighbors: Int[np.ndarray, "n k"]):
    exact = features.astype(np.float64)
    return ((exact[rows][:, None, :] - exact[neighbors[rows]]) ** 2).sum(axis=(1, 2))
