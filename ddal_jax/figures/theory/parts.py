"""What the pictures of claims share: rows picked by what they hold, bands over seeds, panels with one legend."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ddal_jax.figures.palette import Look
from ddal_jax.figures.style import STYLE, plt, save
from ddal_jax.theory.claims.types import Row

INK, FAINT = "#222222", "#7F7F7F"
_STYLE: dict[Any, Any] = {**STYLE, "axes.axisbelow": True, "axes.titlesize": 11, "font.size": 10}
_LOW, _HIGH = 10, 90
_STANDARD_ERRORS = 2.0


class Band(NamedTuple):
    """A curve and how far seeds lie about it.

    Attributes:
      at: where, ascending.
      middle: the curve.
      low: the lower edge.
      high: the upper edge.
    """

    at: Float[np.ndarray, " points"]
    middle: Float[np.ndarray, " points"]
    low: Float[np.ndarray, " points"]
    high: Float[np.ndarray, " points"]


def where(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    """Picks the rows that hold these values."""
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def distinct(rows: Sequence[Row], key: str) -> list[Any]:
    """Lists the values of a key, each once, in the order in which they come."""
    return list(dict.fromkeys(row[key] for row in rows))


def commonest(rows: Sequence[Row], key: str) -> Any:
    """Returns the value of a key that most rows hold."""
    values = [row[key] for row in rows]
    return max(dict.fromkeys(values), key=values.count)


def column(rows: Sequence[Row], key: str) -> Float[np.ndarray, " rows"]:
    """Returns the numbers under a key; what is missing is NaN."""
    return np.array([np.nan if row.get(key) is None else float(row[key]) for row in rows], np.float64)


def medians(rows: Sequence[Row], x: str, y: str) -> Band:
    """Returns the median over seeds at each `x`, between the 10th and the 90th percentile."""
    return _band(rows, x, y, lambda values: np.percentile(values, (50, _LOW, _HIGH)))


def means(rows: Sequence[Row], x: str, y: str) -> Band:
    """Returns the mean over seeds at each `x`, and two standard errors about it."""

    def about(values: np.ndarray) -> np.ndarray:
        error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
        return values.mean() + _STANDARD_ERRORS * error * np.array([0.0, -1.0, 1.0])

    return _band(rows, x, y, about)


def _band(rows: Sequence[Row], x: str, y: str, about: Any) -> Band:
    at, values = column(rows, x), column(rows, y)
    places = [place for place in np.unique(at) if np.isfinite(values[at == place]).any()]
    spreads = [about(own[np.isfinite(own)]) for place in places for own in [values[at == place]]]
    return Band(np.array(places, np.float64), *np.array(spreads, np.float64).reshape(-1, 3).T)


def curve(axes: Any, band: Band, look: Look, label: str, *, shaded: bool = True, width: float = 1.7) -> None:
    """Draws a band; dots mark where it was measured if they are few."""
    axes.plot(
        band.at, band.middle, color=look.color, ls=look.line, marker=look.marker if len(band.at) <= 12 else "", ms=5,
        lw=width, markerfacecolor=look.color if look.line == "-" else "white", label=label,
    )  # fmt: skip
    if shaded:
        axes.fill_between(band.at, band.low, band.high, color=look.color, alpha=0.18, lw=0)


@contextmanager
def panels(
    titles: Sequence[str], path: Path, *, size: tuple[float, float], ylabel: str = "", sharey: bool = False
) -> Iterator[list[Any]]:
    """Opens panels under their titles, the label of their common y at the left, and closes with one legend beneath."""
    columns = 2 if len(titles) == 4 else min(len(titles), 3)
    rows = -(-len(titles) // columns)
    with plt.rc_context(_STYLE):
        figure, grid = plt.subplots(
            rows, columns, figsize=(size[0] * columns, size[1] * rows + 0.6), squeeze=False, sharey=sharey
        )
        all_axes = list(grid.flat)
        for axes in all_axes[len(titles) :]:
            axes.axis("off")
        for axes, title in zip(all_axes, titles, strict=False):
            axes.set_title(title)
        for axes in grid[:, 0]:
            axes.set_ylabel(ylabel)
        yield all_axes[: len(titles)]
        _legend(figure, all_axes, size[0] * columns)
        save(figure, path)


def _legend(figure: Any, all_axes: Sequence[Any], width: float) -> None:
    """Puts every label once beneath the panels, in as many columns as a figure of this width in inches can take."""
    handles: dict[str, Any] = {}
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    inches = [0.07 * len(label) + 0.65 for label in handles]
    columns = len(handles) if sum(inches) < width else max(1, int(width / max(inches)))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=columns, handlelength=2.6)


def number_log_axis(axis: Any) -> None:
    """Writes plain numbers on a logarithmic axis: 1, 2 and 5 of each decade, and more where it is short."""
    low, high = axis.get_view_interval()
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.log10(high) + 1)
    for leading in ((1, 2, 5), range(1, 10)):
        ticks = [tick for decade in decades for first in leading if low <= (tick := first * decade) <= high]
        if len(ticks) > 2:
            break
    mark(axis, ticks)


def mark(axis: Any, places: Sequence[int | float]) -> None:
    """Writes the numbers where something was measured on an axis, and no others."""
    axis.set_ticks(places, [f"{place:g}" for place in places])
    axis.set_ticks([], minor=True)


def floor_of(values: Float[np.ndarray, " values"], *, lowest: float) -> float:
    """Returns where a logarithmic axis of `values` begins: a little below the smallest, and never below `lowest`."""
    positive = values[np.isfinite(values) & (values > 0)]
    return max(lowest, 0.5 * float(positive.min())) if positive.size else lowest
