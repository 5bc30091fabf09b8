"""One door to all data: a name, or the path of an .npz file, becomes a pool and a test set."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ddal_jax import checks
from ddal_jax.data import clusters, openml, pools
from ddal_jax.data.checkerboard import checkerboard, distance_to_boundary
from ddal_jax.data.digits import digits, imbalanced_digits, odd_or_even_digits
from ddal_jax.data.files import load_npz
from ddal_jax.data.poker import poker
from ddal_jax.data.types import Split

_SUFFIX = ".npz"
_THREE_BLOBS = {"num_components": 3, "dimension": 2, "separation": 1.5}
_MIXTURE = {"num_components": 10, "dimension": 20, "separation": 0.5}


# Takes `seed`, then `num_points`, `num_test` and `balanced` by name, as `load` does.
Loader = Callable[..., Split]


def load(
    name: str, seed: int, *, num_points: int | None = None, num_test: int | None = None, balanced: bool = False
) -> Split:
    """Loads a data set by name, or a user's own file by its path.

    Args:
      name: a key of `DATA`, or a path that ends in .npz (see `load_npz`).
      seed: of the points, or of the draw from those there are.
      num_points: size of the pool; None takes the data set's own, in the paper's experiments the paper's.
      num_test: held-out points; likewise.
      balanced: as many points of each class in the pool. This looks at labels before any is asked for.

    Raises:
      ValueError: an unknown name, or more points than there are.

    Paper: Section VI; appendix b to f.
    """
    seed = checks.integer("seed", seed, low=0)
    if check_name(name).endswith(_SUFFIX):
        return pools.subset(load_npz(name), seed, num_points=num_points, num_test=num_test, balanced=balanced)
    return DATA[name](seed, num_points=num_points, num_test=num_test, balanced=balanced)


def check_name(name: str) -> str:
    """Returns the name of a data set, or the path of a file that is there, and refuses others.

    Raises:
      ValueError: an unknown name, or no file of that path.
    """
    if not isinstance(name, str) or not (name in DATA or name.endswith(_SUFFIX)):
        known = ", ".join(map(repr, DATA))
        raise ValueError(f"data must be one of {known}, or a path that ends in {_SUFFIX}; got {name!r}.")
    if name not in DATA and not Path(name).is_file():
        raise ValueError(f"data must be a file that is there; got {name!r}, and there is none.")
    return name


def boundary_distance(name: str) -> Callable[[Float[np.ndarray, "n d"]], Float[np.ndarray, " n"]] | None:
    """Returns what measures the distance of points from the true class boundary, or None where that is not known.

    On a checkerboard it is where the class changes; in a Gaussian mixture, whose classes overlap, it is the boundary of
    the best classifier.
    """
    return _BOUNDARIES.get(name)


def _generated(generate: Callable[..., Split], **default_sizes: int) -> Loader:
    """Makes a loader of points that are drawn from a distribution, so that there are as many as wanted."""

    def load_generated(
        seed: int, *, num_points: int | None = None, num_test: int | None = None, balanced: bool = False
    ) -> Split:
        num_points = default_sizes["num_points"] if num_points is None else num_points
        num_test = default_sizes["num_test"] if num_test is None else num_test
        if not balanced:
            return generate(seed, num_points=num_points, num_test=num_test)
        # To choose from: more than enough where the classes are about as frequent, as they are in all of these.
        surplus = 2 * checks.integer("num_points", num_points, low=1) + 100
        split = generate(seed, num_points=surplus, num_test=num_test)
        return pools.subset(split, seed, num_points=num_points, balanced=True)

    return load_generated


def _bundled(split: Callable[[int], Split]) -> Loader:
    """Makes a loader of data that come in one size, of which a part can be had."""

    def load_bundled(
        seed: int, *, num_points: int | None = None, num_test: int | None = None, balanced: bool = False
    ) -> Split:
        return pools.subset(split(seed), seed, num_points=num_points, num_test=num_test, balanced=balanced)

    return load_bundled


def _poker(seed: int, *, num_points: int | None = None, num_test: int | None = None, balanced: bool = False) -> Split:
    num_points = 4000 if num_points is None else num_points
    num_test = 4000 if num_test is None else num_test
    return poker(seed, num_points=num_points, num_test=num_test, balanced=balanced)


# The multi-class board has the squares of the binary one in three classes, so that no two that share a side are equal;
# the paper states neither number.
DATA: dict[str, Loader] = {
    "digits": _bundled(digits),
    "checkerboard": _generated(checkerboard, num_points=2000, num_test=200),
    "checkerboard-multiclass": _generated(
        functools.partial(checkerboard, num_classes=3), num_points=2000, num_test=200
    ),
    "two-moons": _generated(clusters.two_moons, num_points=2000, num_test=2000),
    "gaussian-mixture": _generated(
        functools.partial(clusters.gaussian_mixture, **_MIXTURE), num_points=2000, num_test=2000
    ),
    "three-blobs": _generated(
        functools.partial(clusters.gaussian_mixture, **_THREE_BLOBS), num_points=2000, num_test=2000
    ),
    "poker": _poker,
    "digits-odd-even": _bundled(odd_or_even_digits),
    "digits-imbalanced": _bundled(imbalanced_digits),
    "mnist": functools.partial(openml.load, openml.MNIST),
    "cifar10": functools.partial(openml.load, openml.CIFAR10),
    "svhn": functools.partial(openml.load, openml.SVHN),
    "openml155": functools.partial(openml.load, openml.OPENML155),
}

_BOUNDARIES: dict[str, Callable[[Float[np.ndarray, "n d"]], Float[np.ndarray, " n"]]] = {
    "checkerboard": distance_to_boundary,
    "checkerboard-multiclass": distance_to_boundary,
    "three-blobs": functools.partial(clusters.distance_to_voronoi, centers=clusters.mixture_centers(**_THREE_BLOBS)),
    "gaussian-mixture": functools.partial(clusters.distance_to_voronoi, centers=clusters.mixture_centers(**_MIXTURE)),
}
