"""One look for each strategy, the same in every figure: colour, line and marker.

The colours are those of Okabe and Ito, which colour-blind readers can part, without yellow, which paper swallows.
Relatives share a colour and differ in line and marker, so that a figure of many strategies can be read without
colour at all.
"""

import zlib
from collections.abc import Iterable
from typing import NamedTuple

_BLUE, _SKY, _GREEN, _ORANGE, _RED, _PINK = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
_GREY, _BLACK = "#7F7F7F", "#222222"
_COLORS = (_SKY, _GREEN, _ORANGE, _RED, _PINK, _BLACK, _BLUE)
_LINES = ("-", "--", ":", "-.")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "*", "<", ">", "h", "d")
_NUM_LOOKS = len(_COLORS) * len(_LINES) * len(_MARKERS)  # Without a common factor, so each combination comes once.


class Look(NamedTuple):
    """How a strategy is drawn."""

    color: str
    line: str
    marker: str


KNOWN = {
    "random": Look(_GREY, "--", "x"),
    "diffusion": Look(_BLUE, "-", "o"),
    "diffusion-paper": Look(_SKY, "-", "d"),
    "poisson-laplace": Look(_SKY, "--", "h"),
    "margin": Look(_RED, "-", "s"),
    "uncertainty": Look(_RED, "--", "v"),
    "entropy": Look(_RED, ":", "^"),
    "badge": Look(_GREEN, "-", "D"),
    "coreset": Look(_PINK, "-", "<"),
    "typiclust": Look(_ORANGE, "-", "P"),
    "bald": Look(_BLACK, "-", "*"),
    "bayes-uncertainty": Look(_BLACK, "--", "X"),
    "bayes-entropy": Look(_BLACK, ":", ">"),
}


def looks(strategies: Iterable[str]) -> dict[str, Look]:
    """Gives each strategy its look; a name that has none gets one that follows from the name.

    Among names without a fixed look, one whose colour is taken moves on to a free one as long as there is any, in
    the order of the alphabet.
    """
    names = dict.fromkeys(strategies)
    chosen: dict[str, Look] = {name: KNOWN[name] for name in names if name in KNOWN}
    for name in sorted(names.keys() - chosen.keys()):
        used = list(chosen.values())
        colors = {look.color for look in used}
        number = zlib.crc32(name.encode()) % _NUM_LOOKS
        free = [look for look in map(_look, range(number, number + _NUM_LOOKS)) if look not in used]
        chosen[name] = next((look for look in free if look.color not in colors), (free or [_look(number)])[0])
    return chosen


def _look(number: int) -> Look:
    return Look(_COLORS[number % len(_COLORS)], _LINES[number % len(_LINES)], _MARKERS[number % len(_MARKERS)])
