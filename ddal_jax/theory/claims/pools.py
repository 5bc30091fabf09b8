"""The graphs that claims are tried on: small ones from each family, and the user's own."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from ddal_jax.data.clusters import gaussian_mixture
from ddal_jax.data.digits import digits
from ddal_jax.data.grid import grid
from ddal_jax.diffusion import walk
from ddal_jax.graph.affinity import affinity
from ddal_jax.graph.components import components, symmetric
from ddal_jax.graph.edges import graph_from_edges
from ddal_jax.graph.knn import knn_graph
from ddal_jax.graph.precision import with_dtype
from ddal_jax.graph.types import Graph
from ddal_jax.spectral import Spectrum, spectrum
from ddal_jax.theory.claims.types import Effort, NamedPool

NUM_NEIGHBORS = 10
NUM_PAIRS, PRECISION = 4, 1e-9
_FEWEST_POINTS = 20


class NamedGraph(NamedTuple):
    """A graph and the classes of its nodes under a name."""

    name: str
    graph: Graph
    labels: Int[np.ndarray, " n"]


def neighbor_graph(features: Float[np.ndarray, "n d"], num_neighbors: int = NUM_NEIGHBORS) -> Graph:
    """Builds the symmetric graph of nearest neighbours in JAX's widest precision."""
    graph = affinity(knn_graph(features, num_neighbors=min(num_neighbors, len(features) - 1)))
    return symmetric("graph", with_dtype(graph, jnp.result_type(float)))


def mixture_pool(seed: int, num_points: int, *, separation: float = 1.5, dimension: int = 2) -> NamedPool:
    """Draws two Gaussians of equal weight."""
    drawn = gaussian_mixture(seed, dimension=dimension, separation=separation, num_points=num_points, num_test=1)
    return NamedPool(f"two Gaussians, S = {separation:g}", drawn.inputs, drawn.labels)


def graphs(effort: Effort, own: NamedPool | None) -> list[NamedGraph]:
    """Returns a mixture, scikit-learn's digits, a grid (bipartite: eigenvalue -1) and the user's own pool.

    The same for every claim, so that what runs on them is compiled once; small enough for a dense solver to check.
    """
    side = 10 if effort.quick else 20
    pools = [mixture_pool(effort.seed, side**2)]
    if not effort.quick:
        images = digits(effort.seed)
        pools.append(NamedPool("digits", images.inputs, images.labels))
    if own is not None:
        pools.append(own)
    made = [_connected(pool) for pool in pools]
    square = grid(side, 2)
    weights = np.ones(square.senders.size)
    lattice = symmetric(
        "graph", graph_from_edges(square.senders, square.receivers, weights, num_nodes=square.labels.size)
    )
    made.insert(1, NamedGraph(f"grid {side} x {side}", lattice, square.labels))
    return made


def _connected(pool: NamedPool) -> NamedGraph:
    """Builds the graph of a pool; of one that falls apart, that of its largest component, where phi_2 is a cut."""
    graph = neighbor_graph(pool.features)
    component = np.asarray(components(graph))
    largest = component == np.bincount(component).argmax()
    if largest.sum() < _FEWEST_POINTS:
        raise ValueError(
            f"data must have at least {_FEWEST_POINTS} points whose neighbours hang together; the largest such part of "
            f"{pool.name!r} has {largest.sum()}."
        )
    if largest.all():
        return NamedGraph(pool.name, graph, pool.labels)
    # All neighbours of a point lie in its component, so the graph of the component's points is that component.
    name = f"{pool.name}, its largest component of {largest.sum():,}"
    return NamedGraph(name, neighbor_graph(pool.features[largest]), pool.labels[largest])


def all_pairs(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Returns all eigenpairs of M, descending, by a dense solver."""
    roots = np.sqrt(np.asarray(graph.degrees))
    matrix = np.asarray(walk(graph, np.eye(len(roots)))) * roots[:, None] / roots
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return values[::-1], vectors[:, ::-1] / roots[:, None]


def keys_of(effort: Effort) -> jax.Array:
    """Returns one key for each repetition."""
    return jax.vmap(jax.random.key)(jnp.asarray(effort.seeds))


@jax.jit
def leading_pairs(graph: Graph, key: jax.Array) -> Spectrum:
    """Finds the leading eigenpairs of a graph."""
    # Traced, so that nothing warns of the grid's double eigenvalue: the rows tell.
    return spectrum(graph, num_pairs=NUM_PAIRS, tolerance=PRECISION, key=key)
