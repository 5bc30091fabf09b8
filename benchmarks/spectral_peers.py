"""The second eigenpair with SciPy: on D^-1/2 W D^-1/2, to the residual that ours is asked for."""

import functools
import warnings
from typing import NamedTuple

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from jaxtyping import Float

from benchmarks.peers import Peer, csr_of
from benchmarks.sizes import Sizes

TOLERANCE = 1e-5
_MOST_STEPS = 1000


class Pair(NamedTuple):
    """An eigenvalue and its unit vector."""

    value: float
    vector: Float[np.ndarray, " n"]


def normalized(graph) -> tuple[scipy.sparse.csr_array, Float[np.ndarray, " n"]]:
    """Returns D^-1/2 W D^-1/2 in float64 and its first eigenvector, the unit vector along D^1/2 1."""
    root = np.sqrt(graph.degrees.astype(np.float64))
    inverse = np.where(root > 0, 1 / np.where(root > 0, root, 1), 0)
    weights = csr_of(graph.neighbors, graph.weights, graph.owners, len(root)).astype(np.float64)
    scale = scipy.sparse.diags_array(inverse)
    return (scale @ weights @ scale).tocsr(), root / np.linalg.norm(root)


def prepare(sizes: Sizes, key, graph, *, dtype: type) -> tuple:
    """Gives the operator, its first eigenvector and a random start, in the precision asked for."""
    operator, first = normalized(graph)
    start = np.random.default_rng(0).normal(size=len(first))
    return operator.astype(dtype), first.astype(dtype), start.astype(dtype)


def eigsh(operator, first, start) -> Pair:
    """Finds the two leading pairs by ARPACK and keeps the second."""
    values, vectors = scipy.sparse.linalg.eigsh(operator, k=2, which="LA", v0=start, tol=TOLERANCE)
    second = int(np.argmin(values))
    return Pair(float(values[second]), vectors[:, second])


def eigsh_deflated(operator, first, start) -> Pair:
    """Finds one pair by ARPACK, the first projected out."""

    def multiply(vector):
        return operator @ vector - first * (first @ vector)

    deflated = scipy.sparse.linalg.LinearOperator(operator.shape, matvec=multiply, dtype=operator.dtype)
    values, vectors = scipy.sparse.linalg.eigsh(deflated, k=1, which="LA", v0=start, tol=TOLERANCE)
    return Pair(float(values[0]), vectors[:, 0])


def lobpcg(operator, first, start) -> Pair:
    """Finds one pair by LOBPCG, kept orthogonal to the first."""
    with warnings.catch_warnings():
        # It warns where it has not converged. The comparison of answers tells that.
        warnings.simplefilter("ignore", UserWarning)
        values, vectors = scipy.sparse.linalg.lobpcg(
            operator, start[:, None], Y=first[:, None], tol=TOLERANCE, maxiter=_MOST_STEPS
        )
    return Pair(float(values[0]), vectors[:, 0])


def _peer(run, dtype: type) -> Peer:
    return Peer(module="scipy", package="scipy", prepare=functools.partial(prepare, dtype=dtype), run=run)


SOLVERS = {
    "eigsh float64": _peer(eigsh, np.float64),
    "eigsh float32": _peer(eigsh, np.float32),
    "eigsh deflated": _peer(eigsh_deflated, np.float32),
    "lobpcg": _peer(lobpcg, np.float64),
}
