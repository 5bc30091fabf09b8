"""What a comparison holds: plain numbers, ready for JSON."""

import dataclasses
import math
from typing import Any

from ddal_jax.evaluate.challenge import Duel
from ddal_jax.evaluate.ranks import Ranking
from ddal_jax.evaluate.significance import LEVEL


@dataclasses.dataclass(frozen=True, kw_only=True)
class Standing:
    """One strategy in one task.

    Attributes:
      strategy: its name.
      place: by mean area, 1 first.
      area: mean over seeds of the area under the curve.
      spread: standard deviation of the area over seeds.
      difference: mean paired difference of the area to the reference.
      low: lower end of its 95 % bootstrap interval, not corrected for the number of strategies.
      high: upper end.
      p_value: of the signed-rank test against the reference, after Holm over all pairs of the task; 1 for itself.
      labels: the mean curve needs to reach the target; infinite if it never does.
      final: mean of the metric at the last checkpoint.
      acquisition: seconds of one query of one seed; NaN if not known.
    """

    strategy: str
    place: int
    area: float
    spread: float
    difference: float
    low: float
    high: float
    p_value: float
    labels: float
    final: float
    acquisition: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pair:
    """Two strategies in one task.

    Attributes:
      first: a strategy.
      second: another.
      difference: mean over seeds of the first's area less the second's.
      spread: standard deviation of that paired difference over seeds.
      p_value: of the signed-rank test, after Holm over all pairs of the task.
      seeds_needed: to find a difference of `Comparison.difference` at 80 % power with this spread.
    """

    first: str
    second: str
    difference: float
    spread: float
    p_value: float
    seeds_needed: int

    @property
    def resolved(self) -> bool:
        """Tells whether the corrected test finds a difference."""
        return self.p_value < LEVEL

    def against(self, strategy: str) -> str | None:
        """Returns the other of the two, or None if the strategy is neither."""
        return {self.first: self.second, self.second: self.first}.get(strategy)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskComparison:
    """All strategies in one task, best area first.

    Attributes:
      task: its name.
      num_seeds: paired seeds compared.
      start: labels at the first checkpoint.
      budget: labels at the last.
      reference: the strategy that differences are taken to.
      target: of the labels counted.
      standings: one for each strategy.
      pairs: every two strategies, the better area first.
      phases: by strategy, round by round: labels known when asking, the share of queries no label reached, their mean
        distance to the class boundary, seconds of the query for one seed (see `Phases`).
      left_out: sentences on what was not compared.
      duels: of the challenger with each rival, if there is one.
    """

    task: str
    num_seeds: int
    start: int
    budget: int
    reference: str
    target: float
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]
    phases: dict[str, dict[str, list[Any]]]
    left_out: tuple[str, ...]
    duels: tuple[Duel, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Penalties:
    """The pairwise penalty as plain numbers; see `pairwise_penalty`."""

    strategies: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    penalties: tuple[float, ...]
    checkpoints: dict[str, list[int]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """What `compare` finds.

    Attributes:
      metric: that is compared.
      target: of the labels counted, as asked for; None: the reference's last mean in each task.
      difference: that `Pair.seeds_needed` is for.
      tasks: one comparison each, in the order in which they were run.
      penalty: None if the tasks have fewer than two strategies in common.
      ranking: over tasks; None with fewer than three tasks or three strategies in common.
      challenger: the strategy tested by itself against each other one, if there is one.
    """

    metric: str
    target: float | None
    difference: float
    tasks: tuple[TaskComparison, ...]
    penalty: Penalties | None
    ranking: Ranking | None
    challenger: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns plain numbers for JSON, None where a number is infinite or unknown."""
        return _plain(dataclasses.asdict(self))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
