"""Batch size by epochs, strategy by strategy (the paper's Fig. 5 as small multiples)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ddal_jax.evaluate import area_under_curve
from ddal_jax.experiments.results import Results, RunHeader
from ddal_jax.figures.style import BOARD_STYLE, matplotlib, plt, save


def robustness(results: Results, path: Path) -> None:
    """Draws how far each strategy's area lies above the reference's, in points, by batch size and number of epochs.

    The reference is "random" where it was run, else the first strategy.
    """
    areas = area_under_curve(results.records)
    places = {run.task: _place(run) for run in results.runs if run.task in areas}
    batches, epochs = (sorted({place[axis] for place in places.values()}) for axis in (0, 1))
    names = list(next(iter(areas.values())))
    reference = "random" if "random" in names else names[0]
    names.remove(reference)
    gains = np.full((len(names), len(epochs), len(batches)), np.nan)
    for task, (batch, epoch) in places.items():
        for row, name in enumerate(names):
            gain = np.mean(areas[task][name]) - np.mean(areas[task][reference])
            gains[row, epochs.index(epoch), batches.index(batch)] = 100 * gain
    num_seeds = len(next(iter(areas.values()))[reference])
    _draw(gains, names, batches, epochs, path, f"area above {reference}'s, points, {num_seeds} seeds")


def _place(run: RunHeader) -> tuple[int, int]:
    config = run.config
    return config["query_size"] * config["num_sub_batches"], config["training"]["num_epochs"]


def _draw(
    gains: Float[np.ndarray, "strategies epochs batches"],
    names: Sequence[str],
    batches: Sequence[int],
    epochs: Sequence[int],
    path: Path,
    label: str,
) -> None:
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    bound = np.nanmax(np.abs(gains)) or 1.0
    scale = matplotlib.colors.Normalize(-bound, bound)
    with plt.rc_context(BOARD_STYLE):
        figure, all_axes = plt.subplots(rows, columns, figsize=(3.1 * columns, 3.0 * rows), squeeze=False)
        for axes, name, gain in zip(all_axes.flat, names, gains, strict=False):
            axes.imshow(gain, cmap="PuOr", norm=scale, origin="lower")
            for (y, x), value in np.ndenumerate(gain):
                color = "white" if abs(value) > 0.6 * bound else "black"
                axes.text(x, y, f"{value:+.1f}", ha="center", va="center", fontsize=10, color=color)
            axes.set(title=name, xticks=range(len(batches)), yticks=range(len(epochs)))
            axes.set_xticklabels(batches)
            axes.set_yticklabels(epochs)
        for axes in all_axes.flat[len(names) :]:
            axes.set_axis_off()
        figure.supxlabel("labels asked at once")
        figure.supylabel("epochs")
        figure.colorbar(plt.cm.ScalarMappable(norm=scale, cmap="PuOr"), ax=all_axes, label=label, shrink=0.7)
        save(figure, path)
