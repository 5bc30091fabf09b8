"""The same work with other libraries, on CPU: neighbours, weights, diffusion, selection.

A peer is prepared outside the clock (what the kernel is given, the peer is given in its own format) and then run with
what the preparation returned. Everything here is NumPy: one pool, one seed at a time.
"""

import dataclasses
import importlib.util
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float, Int

from benchmarks.sizes import Sizes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peer:
    """Another implementation of a kernel.

    Attributes:
      module: what it imports.
      package: what to install for it.
      prepare: from sizes and the arrays of the case to the arguments of `run`; not timed.
      run: the timed work.
      same_work: False for another way to the same end, which the floor of the kernel does not bound.
      at_most: sizes that it is spared: it is given less to do, and compared by the unit of work.
    """

    module: str
    package: str
    prepare: Callable[..., tuple]
    run: Callable[..., Any]
    same_work: bool = True
    at_most: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def is_installed(self) -> bool:
        """Tells whether the peer can be imported."""
        return importlib.util.find_spec(self.module) is not None

    def sizes(self, sizes: Sizes) -> Sizes:
        """Returns the sizes that the peer is given."""
        return dataclasses.replace(
            sizes, **{name: min(getattr(sizes, name), most) for name, most in self.at_most.items()}
        )


def prepare_knn(sizes: Sizes, features: Float[np.ndarray, "n d"]) -> tuple:
    """Gives features and K."""
    return features, sizes.neighbors


def faiss_knn(features: Float[np.ndarray, "n d"], num_neighbors: int) -> Int[np.ndarray, "n k"]:
    """Finds neighbours by brute force in faiss, on all cores: index, search, drop self."""
    with warnings.catch_warnings():
        # Its generated bindings warn about themselves on import.
        warnings.simplefilter("ignore")
        import faiss
    index = faiss.IndexFlatL2(features.shape[1])
    index.add(features)
    _, found = index.search(features, num_neighbors + 1)
    own = found == np.arange(len(features))[:, None]
    # Among many duplicates a point may miss itself; then the furthest goes.
    own[~own.any(axis=1), -1] = True
    return found[~own].reshape(len(features), num_neighbors)


def sklearn_knn(features: Float[np.ndarray, "n d"], num_neighbors: int) -> Int[np.ndarray, "n k"]:
    """Finds neighbours by brute force in scikit-learn, which leaves self out when it is given no queries."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=num_neighbors, algorithm="brute").fit(features)
    return search.kneighbors(return_distance=False)


def prepare_affinity(sizes: Sizes, knn) -> tuple:
    """Gives neighbours and squared distances."""
    return knn.neighbors, knn.sq_distances


def scipy_affinity(neighbors: Int[np.ndarray, "n k"], sq_distances: Float[np.ndarray, "n k"]) -> scipy.sparse.csr_array:
    """Weighs the edges and takes max(W, W^T) in SciPy."""
    width = sq_distances[:, -1:]
    weights = np.exp(-sq_distances / np.where(width > 0, width, 1))
    directed = csr_of(neighbors, weights, np.arange(len(neighbors)), len(neighbors))
    return directed.maximum(directed.T.tocsr())


def prepare_diffusion(sizes: Sizes, graph, mass: Float[np.ndarray, "n c"], labeled: Bool[np.ndarray, " n"]) -> tuple:
    """Gives the transition matrix D^-1 W in compressed rows, built from the library's own table."""
    weights = graph.weights / graph.degrees[graph.owners][:, None]
    transition = csr_of(graph.neighbors, weights, graph.owners, len(mass))
    return transition, mass, np.flatnonzero(labeled), sizes.steps


def scipy_diffuse(
    transition: scipy.sparse.csr_array, mass: Float[np.ndarray, "n c"], labeled: Int[np.ndarray, " m"], num_steps: int
) -> Float[np.ndarray, "n c"]:
    """Multiplies and clamps, T times, in SciPy."""
    current, clamp = mass, mass[labeled]
    for _ in range(num_steps):
        current = transition @ current
        current[labeled] = clamp
    return current


def prepare_query(sizes: Sizes, key, graph, mass, labeled) -> tuple:
    """Gives what `prepare_diffusion` does, B and a generator."""
    return *prepare_diffusion(sizes, graph, mass, labeled), sizes.batch, np.random.default_rng(0)


def scipy_query(transition, mass, labeled, num_steps: int, batch: int, rng: np.random.Generator) -> tuple:
    """Diffuses in SciPy, scores in NumPy and picks as `numpy_lowest` does."""
    diffused = scipy_diffuse(transition, mass, labeled, num_steps)
    scores = min_abs(diffused)
    scores[labeled] = np.inf
    return _lowest_with_lots(scores, batch, rng), diffused


def prepare_selection(sizes: Sizes, key, scores: Float[np.ndarray, " n"], labeled: Bool[np.ndarray, " n"]) -> tuple:
    """Gives scores, the mask, B and a generator."""
    return scores, labeled, sizes.batch, np.random.default_rng(0)


def numpy_lowest(scores, labeled, batch: int, rng: np.random.Generator) -> Int[np.ndarray, " b"]:
    """Picks the lowest scores in NumPy, ties drawn at random."""
    return _lowest_with_lots(np.where(labeled, np.inf, scores), batch, rng)


def _lowest_with_lots(scores: Float[np.ndarray, " n"], batch: int, rng: np.random.Generator) -> Int[np.ndarray, " b"]:
    # Twice as fast as `argpartition` of shuffled scores once the pool has ten thousand points.
    threshold = np.partition(scores, batch - 1)[batch - 1]
    below = np.flatnonzero(scores < threshold)
    drawn = rng.choice(np.flatnonzero(scores == threshold), batch - len(below), replace=False)
    return np.concatenate([below[np.argsort(scores[below])], drawn])


def min_abs(mass: Float[np.ndarray, "n c"]) -> Float[np.ndarray, " n"]:
    """Scores mass by min_c |2 F_c - a| (Eq. 6) in the short form that holds for any number of classes."""
    return np.abs(2 * mass.max(axis=1) - mass.sum(axis=1))


def csr_of(neighbors, weights, owners, num_nodes: int) -> scipy.sparse.csr_array:
    """Reads the edges of a table of padded rows into compressed rows."""
    present = weights > 0
    rows = np.broadcast_to(owners[:, None], neighbors.shape)[present]
    entries = weights[present].astype(np.float32)
    return scipy.sparse.csr_array((entries, (rows, neighbors[present])), shape=(num_nodes, num_nodes))


FAISS = Peer(module="faiss", package="faiss-cpu", prepare=prepare_knn, run=faiss_knn)
SKLEARN = Peer(module="sklearn", package="scikit-learn", prepare=prepare_knn, run=sklearn_knn)
SCIPY_AFFINITY = Peer(module="scipy", package="scipy", prepare=prepare_affinity, run=scipy_affinity)
SCIPY_DIFFUSION = Peer(module="scipy", package="scipy", prepare=prepare_diffusion, run=scipy_diffuse)
SCIPY_QUERY = Peer(module="scipy", package="scipy", prepare=prepare_query, run=scipy_query)
NUMPY_SELECTION = Peer(module="numpy", package="numpy", prepare=prepare_selection, run=numpy_lowest)
