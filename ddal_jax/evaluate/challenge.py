"""One strategy against each other one: a question asked beforehand, so that only its own tests are corrected for."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ddal_jax.evaluate.significance import LEVEL, holm, signed_rank

SMALLEST_WIN = 0.003
_SETTINGS = ":"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Duel:
    """The challenger and a rival in one task.

    Attributes:
      rival: the other strategy.
      difference: mean over seeds of the challenger's area less the rival's.
      error: standard error of that mean.
      p_value: of the signed-rank test, after Holm over the rivals of the task.
      won: seeds in which the challenger's area is the larger.
      lost: seeds in which it is the smaller.
    """

    rival: str
    difference: float
    error: float
    p_value: float
    won: int
    lost: int

    @property
    def verdict(self) -> str:
        """Returns "above", "below" or "level".

        Above: p < .05 and at least .3 points. Below: behind by more than .3 points and by more than two standard
        errors, which asks for less evidence against the challenger than for it.
        """
        if self.p_value < LEVEL and self.difference >= SMALLEST_WIN:
            return "above"
        return "below" if self.difference < -max(2 * self.error, SMALLEST_WIN) else "level"


def rivals_of(challenger: str, strategies: Sequence[str]) -> list[str]:
    """Returns the others, without the challenger under other settings (`diffusion:num_steps=8`)."""
    return [name for name in strategies if name != challenger and not name.startswith(challenger + _SETTINGS)]


def duels(challenger: str, areas: Float[np.ndarray, "strategies seeds"], strategies: Sequence[str]) -> tuple[Duel, ...]:
    """Tests the challenger's areas against those of each rival, seed by seed.

    Args:
      challenger: one of the strategies.
      areas: under the learning curves; seeds are paired.
      strategies: names of the rows.
    """
    rivals = rivals_of(challenger, strategies)
    own = areas[list(strategies).index(challenger)]
    differences = [own - areas[list(strategies).index(rival)] for rival in rivals]
    if not rivals:
        return ()
    adjusted = holm(np.array([signed_rank(difference) for difference in differences]))
    return tuple(
        Duel(
            rival=rival,
            difference=float(difference.mean()),
            error=float(difference.std(ddof=1) / math.sqrt(len(difference))),
            p_value=float(p_value),
            won=int((difference > 0).sum()),
            lost=int((difference < 0).sum()),
        )
        for rival, difference, p_value in zip(rivals, differences, adjusted, strict=True)
    )
