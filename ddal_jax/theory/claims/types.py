"""What a claim is: something measured as rows of numbers, and a judgement that reads those rows alone."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ddal_jax import checks

# One measurement: numbers and names that JSON can hold.
Row = dict[str, Any]


class NamedPool(NamedTuple):
    """Points and their classes under a name.

    Attributes:
      name: for tables and figures.
      features: as for `knn_graph`.
      labels: classes from 0.
    """

    name: str
    features: Float[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]


class Verdict(NamedTuple):
    """What was found of one statement.

    Attributes:
      statement: what is claimed.
      rule: when it counts as holding, in terms of what was measured.
      holds: whether it does; None where nothing measured decides.
      found: the numbers that decided.
    """

    statement: str
    rule: str
    holds: bool | None
    found: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured.

    Attributes:
      num_seeds: repetitions of whatever is random.
      quick: smaller pools and fewer settings, to see it run; verdicts on so little say less.
      seed: from which all others follow.
    """

    num_seeds: int = 20
    quick: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        checks.integer("num_seeds", self.num_seeds, low=2)
        checks.integer("seed", self.seed, low=0)

    @property
    def seeds(self) -> range:
        """One seed for each repetition."""
        return range(self.seed, self.seed + self.num_seeds)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim of the paper.

    Attributes:
      title: in a few words.
      place: where the paper makes it.
      measure: takes the effort and the user's pool, if there is one, and returns rows.
      judge: reads verdicts from rows. It raises nothing and measures nothing.
    """

    title: str
    place: str
    measure: Callable[[Effort, NamedPool | None], list[Row]]
    judge: Callable[[Sequence[Row]], list[Verdict]]


def grouped(rows: Sequence[Row], *keys: str) -> dict[tuple, list[Row]]:
    """Groups rows by the values they have under some keys, in the order in which those first come."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def mean_of(rows: Sequence[Row], key: str) -> float:
    """Returns the mean of what rows have under a key."""
    return sum(row[key] for row in rows) / len(rows)


def listed(values: Mapping[str, float], form: str = ".2f") -> str:
    """Writes values by name, such as "0.66 on digits, 0.49 on grid"."""
    return ", ".join(f"{value:{form}} on {name}" for name, value in values.items()) + "."
