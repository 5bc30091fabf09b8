"""What a comparison on a fixed graph consists of."""

import dataclasses
from typing import Any

from ddal_jax import checks
from ddal_jax.experiments.fixed_graph.rules import RULES
from ddal_jax.experiments.fixed_graph.tasks import TASKS

# Seeds of the runs on which rules were chosen, and of those that tell how good the chosen ones are.
SCREENING, CONFIRMATION = 1000, 2000


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixedGraphSettings:
    """One task of the comparison; every field can be written to JSON.

    Attributes:
      task: its name, one of `TASKS`.
      rules: what is compared, of `RULES`.
      checkpoints: labels known when the accuracy is read.
      num_steps: T.
      num_seeds: repetitions.
      first_seed: the seeds are this and those that follow it.
    """

    task: str
    rules: tuple[str, ...] = tuple(RULES)
    checkpoints: tuple[int, ...] = (5, 10, 15, 20, 30, 40, 50, 70, 100)
    num_steps: int = 4
    num_seeds: int = 20
    first_seed: int = CONFIRMATION

    def __post_init__(self) -> None:
        checks.choice("task", self.task, TASKS)
        for rule in self.rules:
            checks.choice("rules", rule, RULES)
        checks.integer("num_steps", self.num_steps, low=0)
        checks.integer("num_seeds", self.num_seeds, low=1)
        checks.integer("first_seed", self.first_seed, low=0)
        if not self.rules or len(set(self.rules)) < len(self.rules):
            raise ValueError(f"rules must hold at least one name, each once; got {self.rules}.")
        ascending = all(first < second for first, second in zip(self.checkpoints, self.checkpoints[1:], strict=False))
        if not self.checkpoints or self.checkpoints[0] < 1 or not ascending:
            raise ValueError(f"checkpoints must be at least 1 and ascend; got {self.checkpoints}.")

    @property
    def seeds(self) -> range:
        """One per repetition."""
        return range(self.first_seed, self.first_seed + self.num_seeds)

    @property
    def budget(self) -> int:
        """Labels in all, the first one included."""
        return self.checkpoints[-1]

    def as_dict(self) -> dict[str, Any]:
        """Returns the settings for the header of a results file, where the task's name is that of its data."""
        return {**dataclasses.asdict(self), "data": {"name": self.task}}
