"""The paper's toy task: points on a checkerboard, classes by the colour of the square."""

import numpy as np
from jaxtyping import Float

from ddal_jax import checks
from ddal_jax.data.types import Split


def checkerboard(
    seed: int, *, num_squares: int = 4, num_classes: int = 2, num_points: int = 2000, num_test: int = 200
) -> Split:
    """Draws points uniformly on [-1, 1]^2, divided into squares of class (row + column) mod C.

    The paper gives the sizes of pool and test set; the coordinates and the number of squares are read off its figures.

    Args:
      seed: of the points.
      num_squares: along each side.
      num_classes: C.
      num_points: size of the pool.
      num_test: held-out points.

    Paper: Section VI, Fig. 3; appendix b.
    """
    num_squares = checks.integer("num_squares", num_squares, low=1)
    num_classes = checks.integer("num_classes", num_classes, low=1)
    num_points = checks.integer("num_points", num_points, low=1)
    num_test = checks.integer("num_test", num_test, low=1)
    points = np.random.default_rng(seed).uniform(-1, 1, (num_points + num_test, 2)).astype(np.float32)
    squares = np.minimum((points + 1) / 2 * num_squares, num_squares - 1).astype(np.int32)
    labels = (squares.sum(axis=1) % num_classes).astype(np.int32)
    return Split(points[num_test:], labels[num_test:], points[:num_test], labels[:num_test], num_classes)


def distance_to_boundary(points: Float[np.ndarray, "n 2"], *, num_squares: int = 4) -> Float[np.ndarray, " n"]:
    """Returns how far each point lies from the nearest line between squares.

    With two classes or more, squares that share a side differ in class, so that every such line is a class boundary.
    """
    lines = -1 + 2 * np.arange(1, num_squares) / num_squares
    return np.abs(points[:, :, None] - lines).min(axis=(1, 2))
