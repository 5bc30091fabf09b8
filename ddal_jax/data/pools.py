"""Which points of a data set form the pool, and which are held out."""

import numpy as np
from jaxtyping import Bool, Int

from ddal_jax import checks
from ddal_jax.data.types import Split

_POOL = 1  # sets the draw of the pool apart from that of the test points
_TEST = 2


def draw(
    labels: Int[np.ndarray, " n"],
    seed: int,
    *,
    num_points: int,
    num_classes: int,
    balanced: bool = False,
    allowed: Bool[np.ndarray, " n"] | None = None,
) -> Int[np.ndarray, " p"]:
    """Draws the rows of a pool, without repetition and in random order.

    At a fixed seed a smaller pool is the beginning of a larger one, unless `balanced`.

    Args:
      labels: of all rows.
      seed: of the draw.
      num_points: size of the pool.
      num_classes: C.
      balanced: draw as many rows of each class, which looks at labels that an annotator has not given yet, as the
        paper does for MNIST and SVHN. Where C does not divide `num_points`, some classes, chosen at random, give one
        row more. Otherwise labels are not looked at.
      allowed: rows to draw from; by default all.

    Raises:
      ValueError: more points than there are, or than the rarest class can give.

    Paper: appendix c, e.
    """
    rows = np.arange(len(labels)) if allowed is None else np.flatnonzero(allowed)
    num_points = checks.integer("num_points", num_points, low=1, high=len(rows), why="(the points to draw from)")
    random = np.random.default_rng([seed, _POOL])
    rows = random.permutation(rows)
    if not balanced:
        return rows[:num_points]
    shares = np.full(num_classes, num_points // num_classes)
    shares[random.permutation(num_classes)[: num_points % num_classes]] += 1
    counts = np.bincount(labels[rows], minlength=num_classes)
    if (counts < shares).any():
        rarest = int(counts.argmin())
        raise ValueError(
            f"num_points must be at most {counts[rarest] * num_classes} for a balanced pool, since class {rarest} has "
            f"{counts[rarest]} points; got {num_points}."
        )
    chosen = [rows[labels[rows] == label][:share] for label, share in enumerate(shares)]
    return random.permutation(np.concatenate(chosen))


def hold_out(
    labels: Int[np.ndarray, " n"],
    seed: int,
    *,
    num_points: int,
    num_test: int,
    num_classes: int,
    balanced: bool = False,
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " v"]]:
    """Draws the rows of a pool and those of a test set, apart, from data that come as one piece.

    The test rows are drawn first and without a look at their labels; arguments as in `draw`.
    """
    num_test = checks.integer("num_test", num_test, low=1, high=len(labels) - 1, why="(at least one point is the pool)")
    test = np.random.default_rng([seed, _TEST]).permutation(len(labels))[:num_test]
    allowed = np.ones(len(labels), bool)
    allowed[test] = False
    pool = draw(labels, seed, num_points=num_points, num_classes=num_classes, balanced=balanced, allowed=allowed)
    return pool, test


def choose(
    labels: Int[np.ndarray, " n"],
    seed: int,
    *,
    num_held_out: int,
    num_classes: int,
    num_points: int | None = None,
    num_test: int | None = None,
    balanced: bool = False,
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " v"]]:
    """Draws the rows of a smaller pool and of a smaller test set from the two that a data set comes with.

    Args:
      labels: of the points the pool is drawn from.
      seed: of the draw.
      num_held_out: size of the test set the data come with.
      num_classes: C.
      num_points: size of the pool, drawn as by `draw`; None keeps all points, in their order.
      num_test: held-out points, drawn at random; None keeps them all, in their order.
      balanced: as many points of each class in the pool, which looks at labels. With `num_points` None, as many as the
        rarest class allows.
    """
    pool, test = np.arange(len(labels)), np.arange(num_held_out)
    if balanced and num_points is None:
        num_points = int(np.bincount(labels, minlength=num_classes).min()) * num_classes
    if num_points is not None:
        pool = draw(labels, seed, num_points=num_points, num_classes=num_classes, balanced=balanced)
    if num_test is not None:
        num_test = checks.integer("num_test", num_test, low=1, high=num_held_out, why="(the held-out points)")
        test = np.random.default_rng([seed, _TEST]).permutation(test)[:num_test]
    return pool, test


def subset(
    split: Split, seed: int, *, num_points: int | None = None, num_test: int | None = None, balanced: bool = False
) -> Split:
    """Draws a smaller pool and test set from those given, which stay apart; arguments as in `choose`."""
    pool, test = choose(
        split.labels,
        seed,
        num_held_out=len(split.test_labels),
        num_classes=split.num_classes,
        num_points=num_points,
        num_test=num_test,
        balanced=balanced,
    )
    return Split(
        split.inputs[pool], split.labels[pool], split.test_inputs[test], split.test_labels[test], split.num_classes
    )
