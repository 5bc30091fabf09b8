"""Where strategies ask on a checkerboard (the paper's Fig. 3, top)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ddal_jax.experiments.results import Record
from ddal_jax.figures.style import BOARD_STYLE, EARLY, LATE, plt, save

_PANELS_IN_A_ROW = 5


def checkerboard_queries(records: Sequence[Record], path: Path, *, num_squares: int, seed: int = 0) -> None:
    """Draws where each strategy asked on the binary checkerboard, its first and its last rounds apart."""
    of_seed = [record for record in records if record.seed == seed]
    strategies = list(dict.fromkeys(record.strategy for record in of_seed))
    columns = min(_PANELS_IN_A_ROW, len(strategies))
    rows = -(-len(strategies) // columns)
    with plt.rc_context(BOARD_STYLE):
        size = 4.2 if len(strategies) <= 3 else 3.1
        figure, all_axes = plt.subplots(rows, columns, figsize=(size * columns, (size + 1) * rows), squeeze=False)
        for axes, strategy in zip(all_axes.flat, strategies, strict=False):
            own = [record for record in of_seed if record.strategy == strategy]
            _draw_board(axes, num_squares)
            _draw_queries(axes, own)
            axes.set_title(f"{strategy}\naccuracy {own[-1].accuracy:.2f} with {own[-1].num_labeled} labels")
        for axes in all_axes.flat[len(strategies) :]:
            axes.set_axis_off()
        handles, labels = all_axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        save(figure, path)


def _draw_board(axes: Any, num_squares: int) -> None:
    rows, columns = np.indices((num_squares, num_squares))
    axes.imshow((rows + columns) % 2, extent=(-1, 1, -1, 1), origin="lower", cmap="Greys", vmin=-0.1, vmax=5)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_queries(axes: Any, records: Sequence[Record]) -> None:
    asked = [np.array(record.points) for record in records if record.points]
    early = max(1, len(asked) // 4)
    for batches, color, when in ((asked[:early], EARLY, "first"), (asked[-early:], LATE, "last")):
        x, y = np.concatenate(batches).T
        label = f"asked in the {when} {early} of {len(asked)} rounds"
        axes.scatter(x, y, s=20, color=color, edgecolor="white", linewidth=0.5, label=label, zorder=3)
