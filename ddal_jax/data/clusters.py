"""Clouds of points whose classes a graph can tell: Gaussian mixtures of a stated separation, and two moons."""

from collections.abc import Sequence

import numpy as np
import sklearn.datasets
from jaxtyping import Float, Int

from ddal_jax import checks
from ddal_jax.data.types import Split


def gaussian_mixture(
    seed: int,
    *,
    num_components: int = 2,
    dimension: int = 2,
    separation: float = 2.0,
    num_classes: int | None = None,
    weights: Sequence[float] | None = None,
    scales: Sequence[float] | None = None,
    num_points: int = 2000,
    num_test: int = 2000,
) -> Split:
    """Draws points from Gaussians that lie exactly `separation` apart.

    Each component gives its share of the pool as nearly as whole numbers allow, so that the balancedness
    (Definition 2) is what was asked, not a random draw around it; likewise in the test set.

    Args:
      seed: of the points; the centres do not depend on it.
      num_components: number of Gaussians.
      dimension: d.
      separation: S, that of the closest two components. It counts the square root of d in its denominator: with unit
        scales neighbouring centres are 2 S sqrt(d) standard deviations apart.
      num_classes: C; component i has class i mod C, so that fewer classes than components make classes of several
        clusters. None: a class each.
      weights: share of each component, above 0; scaled to sum to one. None: equal shares.
      scales: standard deviation of each component, the same in all directions. None: 1.
      num_points: size of the pool.
      num_test: held-out points.

    Paper: Eq. (9), Theorem 2.
    """
    num_points = checks.integer("num_points", num_points, low=1)
    num_test = checks.integer("num_test", num_test, low=1)
    centers = mixture_centers(num_components=num_components, dimension=dimension, separation=separation, scales=scales)
    if num_classes is None:
        num_classes = num_components
    num_classes = checks.integer("num_classes", num_classes, low=1, high=num_components, why="(the components)")
    shares = _positive("weights", weights, num_components)
    spread = _positive("scales", scales, num_components)
    random = np.random.default_rng(seed)

    def points(size: int) -> tuple[Float[np.ndarray, "m d"], Int[np.ndarray, " m"]]:
        component = random.permutation(np.repeat(np.arange(num_components), _counts(shares, size)))
        noise = random.normal(size=(size, dimension)) * spread[component, None]
        return (centers[component] + noise).astype(np.float32), (component % num_classes).astype(np.int32)

    return Split(*points(num_points), *points(num_test), num_classes)


def mixture_centers(
    *, num_components: int, dimension: int, separation: float, scales: Sequence[float] | None = None
) -> Float[np.ndarray, "k d"]:
    """Places the centres of `gaussian_mixture`: a regular simplex where d allows it, else a square lattice.

    In a simplex of equal scales every two components have the separation asked; otherwise the closest two have.
    """
    num_components = checks.integer("num_components", num_components, low=2)
    dimension = checks.integer("dimension", dimension, low=1)
    separation = checks.positive_float("separation", separation)
    fits = num_components <= dimension + 1
    centers = _simplex(num_components, dimension) if fits else _lattice(num_components, dimension)
    spread = _positive("scales", scales, num_components)
    covariances = spread[:, None, None] ** 2 * np.eye(dimension)
    return (centers - centers.mean(axis=0)) * (separation / mixture_separation(centers, covariances))


def mixture_separation(centers: Float[np.ndarray, "k d"], covariances: Float[np.ndarray, "k d d"]) -> float:
    """Measures the separation S of a mixture: the smallest over its pairs of components.

    Paper: Eq. (9).
    """
    num_components, dimension = centers.shape
    largest = np.sqrt(np.linalg.eigvalsh(covariances)[:, -1])
    first, second = np.triu_indices(num_components, k=1)
    distances = np.linalg.norm(centers[first] - centers[second], axis=1)
    return float((distances / (np.sqrt(dimension) * (largest[first] + largest[second]))).min())


def distance_to_voronoi(points: Float[np.ndarray, "n d"], centers: Float[np.ndarray, "k d"]) -> Float[np.ndarray, " n"]:
    """Returns how far each point lies from the boundary of the cell of its nearest centre.

    For a mixture of equal weights and scales with a class for each component, this is the boundary of the best
    classifier. A cell is an intersection of half-spaces, so its boundary is as far as the nearest bisecting plane.
    """
    squares = ((points[:, None, :] - centers) ** 2).sum(axis=2)
    nearest = squares.argmin(axis=1)
    gaps = squares - squares.min(axis=1, keepdims=True)
    apart = np.linalg.norm(centers[nearest][:, None, :] - centers, axis=2)
    return np.divide(gaps, 2 * apart, out=np.full(gaps.shape, np.inf), where=apart > 0).min(axis=1)


def two_moons(seed: int, *, noise: float = 0.1, num_points: int = 2000, num_test: int = 2000) -> Split:
    """Draws two interleaved half circles, scikit-learn's `make_moons`: a boundary that follows the data, not a line.

    Args:
      seed: of the points.
      noise: standard deviation of the Gaussian noise around the half circles, whose radius is 1.
      num_points: size of the pool.
      num_test: held-out points.
    """
    noise = checks.positive_float("noise", noise)
    num_points = checks.integer("num_points", num_points, low=1)
    num_test = checks.integer("num_test", num_test, low=1)
    state = int(np.random.default_rng(seed).integers(2**32))
    moons = sklearn.datasets.make_moons(num_points + num_test, noise=noise, random_state=state)
    points, labels = np.asarray(moons[0], np.float32), np.asarray(moons[1], np.int32)
    return Split(points[num_test:], labels[num_test:], points[:num_test], labels[:num_test], 2)


def _simplex(num_components: int, dimension: int) -> Float[np.ndarray, "k d"]:
    """Unit vectors, and one point on the diagonal as far from each of them as they are from each other."""
    axes = num_components - 1
    centers = np.zeros((num_components, dimension))
    centers[:axes, :axes] = np.eye(axes)
    centers[axes, :axes] = (1 - np.sqrt(1 + axes)) / axes
    return centers


def _lattice(num_components: int, dimension: int) -> Float[np.ndarray, "k d"]:
    side = 2
    while side**dimension < num_components:
        side += 1
    centers, rest = np.zeros((num_components, dimension)), np.arange(num_components)
    for axis in range(dimension):
        rest, centers[:, axis] = np.divmod(rest, side)
    return centers


def _positive(name: str, values: Sequence[float] | None, num_components: int) -> Float[np.ndarray, " k"]:
    if values is None:
        return np.ones(num_components)
    array = np.asarray(values, float)
    if array.shape != (num_components,) or not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(f"{name} must be {num_components} finite numbers above 0, one per component; got {values!r}.")
    return array


def _counts(shares: Float[np.ndarray, " k"], size: int) -> Int[np.ndarray, " k"]:
    """Splits `size` in proportion to `shares`; what rounding down leaves goes to the largest remainders."""
    exact = shares / shares.sum() * size
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: size - counts.sum()]] += 1
    return counts
