"""The colours of a map, for either theme, and the steps in which a number takes one.

Classes stand out from their ground with a contrast of at least 3. Those that one colour-blind eye or another would
confuse by hue differ in lightness, and each also has a shape. A ramp runs from dark to light, or back, without a turn,
and starts where it stands out most: low reach and low scores are what to look at.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

NO_LEVEL = 255
THEMES: dict[str, dict[str, Any]] = {
    "light": {
        "ground": "#ffffff",
        "mark": "#0b0d10",
        "none": "#a3a9b1",
        "faint": "#dfe2e6",
        "classes": ["#2b92f0", "#aa4600", "#6217ef", "#a69600", "#014860", "#a46293", "#7d1200", "#0002a8"],
        "ramp": ["#440154", "#3b528b", "#21918c", "#4fb56a"],
    },
    "dark": {
        "ground": "#14171c",
        "mark": "#ffffff",
        "none": "#5d6570",
        "faint": "#2b3038",
        "classes": ["#33a7ff", "#ff5b03", "#ffff8d", "#1fe2a8", "#ee62bc", "#5066ff", "#ffb407", "#36a557"],
        "ramp": ["#fde725", "#5ec962", "#21918c", "#3f5f96"],
    },
}
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def levels(values: Float[np.ndarray, " n"]) -> tuple[UInt8[np.ndarray, " n"], list[float]]:
    """Returns each value's step on the ramp, 0 to 254 by its rank among the different ones, and five values along it.

    Reach and scores lie in a few clumps near 0, which steps of equal width would paint in one colour. What is not
    finite has the step `NO_LEVEL`.
    """
    known = np.isfinite(values)
    different, place = np.unique(values[known], return_inverse=True)
    found = np.full(len(values), NO_LEVEL, np.uint8)
    last = max(1, len(different) - 1)
    found[known] = np.rint(place / last * (NO_LEVEL - 1)).astype(np.uint8)
    along = [int(round(share * (len(different) - 1))) for share in _SHARES] if len(different) else []
    return found, [float(different[at]) for at in along]
