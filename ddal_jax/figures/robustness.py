"""Batch size by epochs, strategy by strategy (the paper's Fig. 5 as small multiples)."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ddal_jax.evaluate import area_under_curve
from ddal_jax.experiments.results import Record
from ddal_jax.figures.style import BOARD_STYLE, matplotlib, plt, save

_TASK = re.compile(r"B=(\d+) epochs=(\d+)")


def robustness(records: Sequence[Record], path: Path, *, reference: str = "random") -> None:
    """Draws, for each strategy, its area above the reference's for each batch size and number of epochs, in points."""
    areas = area_under_curve(records)
    cells = {task: tuple(map(int, found.groups())) for task in areas if (found := _TASK.fullmatch(task))}
    batches, epochs = (sorted({cell[axis] for cell in cells.values()}) for axis in (0, 1))
    strategies = [name for name in next(iter(areas.values())) if name != reference]
    gains = np.full((len(strategies), len(epochs), len(batches)), np.nan)
    for task, (batch, epoch) in cells.items():
        for row, name in enumerate(strategies):
            gain = np.mean(areas[task][name]) - np.mean(areas[task][reference])
            gains[row, epochs.index(epoch), batches.index(batch)] = 100 * gain
    _draw(gains, strategies, batches, epochs, path, reference)


def _draw(gains: np.ndarray, strategies, batches, epochs, path: Path, reference: str) -> None:
    columns = min(4, len(strategies))
    rows = -(-len(strategies) // columns)
    bound = np.nanmax(np.abs(gains))
    scale = matplotlib.colors.Normalize(-bound, bound)
    with plt.rc_context(BOARD_STYLE):
        figure, all_axes = plt.subplots(rows, columns, figsize=(3.1 * columns, 3.0 * rows), squeeze=False)
        for axes, name, gain in zip(all_axes.flat, strategies, gains, strict=False):
            axes.imshow(gain, cmap="PuOr", norm=scale, origin="lower")
            for (y, x), value in np.ndenumerate(gain):
                axes.text(x, y, f"{value:+.1f}", ha="center", va="center", fontsize=10)
            axes.set(title=name, xticks=range(len(batches)), yticks=range(len(epochs)))
            axes.set_xticklabels(batches)
            axes.set_yticklabels(epochs)
        for axes in all_axes.flat[len(strategies) :]:
            axes.set_axis_off()
        figure.supxlabel("labels asked at once")
        figure.supylabel("epochs")
        colors = plt.cm.ScalarMappable(norm=scale, cmap="PuOr")
        figure.colorbar(colors, ax=all_axes, label=f"area above {reference}'s, points", shrink=0.7)
        save(figure, path)
