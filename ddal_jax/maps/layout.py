"""Where the points of a pool lie on the map, in the square [-1, 1] x [-1, 1]."""

import warnings

import jax
import numpy as np
from jaxtyping import Array, Float, Int, Shaped
from scipy.stats import rankdata
from sklearn.decomposition import PCA

from ddal_jax.graph.components import components
from ddal_jax.graph.types import AnyGraph, Graph
from ddal_jax.spectral import spectrum

LAYOUTS = ("pca", "diffusion")
# Components laid out on their own; smaller or further ones share a plot.
_MOST_PARTS, _LEAST_SHARE = 9, 0.01
_MAX_STEPS = 2_000


def pca(features: Shaped[np.ndarray, "n d"]) -> Float[np.ndarray, "n 2"]:
    """Lays points out along the two directions in which they vary most, to one scale."""
    values = np.asarray(features, np.float32)
    num_axes = min(2, *values.shape)
    with np.errstate(invalid="ignore", divide="ignore"):  # Points that are all the same explain no share of nothing.
        found = PCA(num_axes, random_state=0).fit_transform(values)
    return _centered(np.pad(found, ((0, 0), (0, 2 - num_axes))))


def diffusion(features: Shaped[np.ndarray, "n d"], graph: AnyGraph, *, seed: int) -> Float[np.ndarray, "n 2"]:
    """Lays points out by phi_2 and phi_3, the slowest walks of the graph that tell points apart.

    Eigenvectors pile most points up and draw a few far out, so a coordinate is the rank along one of them: order is
    true, distance is not. Where the graph falls apart, the first of them only name its components. So each of the
    largest is laid out by its own pair, in a plot of its own whose area grows with it; the points of all others share
    one plot, by PCA.

    Raises:
      TypeError: a `DirectedGraph`, which has no such basis.
    """
    if not isinstance(graph, Graph):
        raise TypeError(
            f"graph must be symmetric for layout 'diffusion'; got a {type(graph).__name__}. Take layout 'pca', or a "
            "graph of another symmetrize than 'none'."
        )
    component = np.asarray(components(graph))
    parts = [np.flatnonzero(component == name) for name in _largest(component)]
    plots = [_own_pair(graph, component, part, seed) for part in parts]
    rest = np.setdiff1d(np.arange(len(component)), np.concatenate(parts) if parts else [])
    if len(rest):
        parts.append(rest)
        plots.append(pca(np.asarray(features)[rest]))
    found = np.zeros((len(component), 2))
    for part, plot, (left, low, side) in zip(parts, plots, _shelves([len(part) for part in parts]), strict=True):
        found[part] = np.array([left, low]) + (plot + 1) / 2 * side
    return _centered(found)


def _largest(component: Int[np.ndarray, " n"]) -> Int[np.ndarray, " m"]:
    names, sizes = np.unique(component, return_counts=True)
    names, sizes = names[np.argsort(-sizes, kind="stable")], np.sort(sizes)[::-1]
    return names[sizes >= max(4, _LEAST_SHARE * len(component))][:_MOST_PARTS]


def _own_pair(graph: Graph, component: Int[np.ndarray, " n"], part: Int[np.ndarray, " m"], seed: int):
    """Lays out one component; the graph keeps its shape, so that all of them share one compilation."""
    inside = component == component[part[0]]
    own = graph._replace(
        weights=_masked(graph.weights, inside[np.asarray(graph.owners)][:, None]),
        degrees=_masked(graph.degrees, inside),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Any two vectors of a common eigenspace make as good a picture.
        found = spectrum(own, num_pairs=3, key=jax.random.key(seed), max_steps=_MAX_STEPS)
    return _centered(rankdata(np.asarray(found.eigenvectors)[part, 1:], axis=0))


def _masked(values: Shaped[Array, "..."], where: np.ndarray) -> Shaped[Array, "..."]:
    return jax.numpy.where(where, values, 0.0)


def _centered(coordinates: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    extent = (high - low).max()
    return (2 * coordinates - (low + high)[None]) / (extent if extent > 0 else 1.0)


def _shelves(sizes: list[int]) -> list[tuple[float, float, float]]:
    """Places squares of given areas on shelves, largest first, with room between; returns left, low and side."""
    sides = [float(size) ** 0.5 for size in sizes]
    gap = 0.06 * sides[0]
    width = max(sides[0], sum(side * side for side in sides) ** 0.5 * 1.1)
    places, left, low, shelf = [], 0.0, 0.0, 0.0
    for side in sides:
        if left and left + side > width:
            left, low, shelf = 0.0, low + shelf + gap, 0.0
        places.append((left, low, side))
        left, shelf = left + side + gap, max(shelf, side)
    return places
