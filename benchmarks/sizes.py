"""The grid of sizes that the command line spans, and one point of it."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large one case is. A kernel reads only the fields it depends on; the others keep their defaults.

    Attributes:
      points: N.
      dims: d. Kernels that are given a graph alone build it from features of the default dimension.
      neighbors: K.
      classes: C, the columns of the diffused signal.
      steps: T.
      seeds: pools stacked along a leading axis and computed through one `jax.vmap`, or by the library's own driver.
      batch: B, how many points a query picks.
      labels: L, how many points a network is trained on.
      epochs: E, passes over them.
    """

    points: int = 2000
    dims: int = 50
    neighbors: int = 10
    classes: int = 10
    steps: int = 5
    seeds: int = 1
    batch: int = 100
    labels: int = 200
    epochs: int = 10

    def __post_init__(self) -> None:
        if min(dataclasses.astuple(self)) < 1:
            raise ValueError(f"sizes must be at least 1; got {self}.")
        if self.neighbors >= self.points:
            raise ValueError(f"neighbors must be below points; got {self.neighbors} neighbors of {self.points} points.")
        if self.batch > self.points // 2:
            raise ValueError(f"batch must be at most half of points; got {self.batch} of {self.points} points.")
        if self.labels > _MOST_LABELS:
            raise ValueError(f"labels must be at most {_MOST_LABELS}, which every pool has; got {self.labels}.")


_MOST_LABELS = 1000
PARAMETERS = tuple(field.name for field in dataclasses.fields(Sizes))
LETTERS = {
    "points": "N", "dims": "d", "neighbors": "K", "classes": "C", "steps": "T", "seeds": "S", "batch": "B",
    "labels": "L", "epochs": "E",
}  # fmt: skip
DEFAULT_GRID = {name: (getattr(Sizes(), name),) for name in PARAMETERS} | {"points": (2000, 10000)}


def expand(grid: Mapping[str, Sequence[int]], used: Sequence[str]) -> Iterator[Sizes]:
    """Yields every combination of the values of the `used` parameters, the last one varying fastest.

    Raises:
      ValueError: a combination that makes no case.
    """
    for values in itertools.product(*(grid[name] for name in used)):
        yield Sizes(**dict(zip(used, values, strict=True)))


def smallest(grid: Mapping[str, Sequence[int]]) -> dict[str, tuple[int]]:
    """Keeps the smallest value of every parameter."""
    return {name: (min(values),) for name, values in grid.items()}


def told(sizes: Mapping[str, int]) -> str:
    """Says sizes in words, as `points 2000, dims 50`."""
    return ", ".join(f"{name} {value}" for name, value in sizes.items())
