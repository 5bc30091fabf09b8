"""Figures, each a function of saved results. Needs the extra `figures`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ddal_jax.experiments.results import Record
from ddal_jax.experiments.summary import curves

try:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
except ImportError as error:
    raise ImportError('Figures need matplotlib: pip install "ddal-jax[figures]".') from error

NAMES = {"random": "random", "margin": "margin", "diffusion": "DDAL (diffusion)"}
_COLORS = {"random": "#888888", "margin": "#d95f02", "diffusion": "#1b6ca8"}
_EARLY, _LATE = "#1b6ca8", "#d9305f"
_STYLE: dict[Any, Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "font.size": 11,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
_BOARD_STYLE: dict[Any, Any] = {**_STYLE, "axes.grid": False}


def learning_curves(records: Sequence[Record], path: Path, *, title: str) -> None:
    """Draws held-out accuracy against labels; bands are the mean plus and minus two standard errors."""
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=(7, 4.5))
        for strategy, points in curves(records).items():
            count, mean, error, _ = np.array(points).T
            axes.plot(count, mean, "o-", ms=4, color=_COLORS[strategy], label=NAMES[strategy])
            axes.fill_between(count, mean - 2 * error, mean + 2 * error, color=_COLORS[strategy], alpha=0.2, lw=0)
        axes.set(title=title, xlabel="labels", ylabel="held-out accuracy")
        axes.legend(loc="lower right")
        _save(figure, path)


def switch(panels: Mapping[str, Sequence[Record]], path: Path) -> None:
    """Draws the share of diffusion's queries that no label reached: the paper's switch from exploring to refining.

    Args:
      panels: records of one task each, by the title of their panel.
      path: of the PNG.
    """
    with plt.rc_context(_STYLE):
        figure, all_axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.6), sharey=True, squeeze=False)
        for axes, (title, records) in zip(all_axes[0], panels.items(), strict=True):
            points = [point for point in curves(records)["diffusion"] if np.isfinite(point.unexplored)]
            count, _, _, unexplored = np.array(points).T
            axes.fill_between(count, 0, unexplored, color=_EARLY, alpha=0.3, lw=0, label="unexplored: no label reaches")
            axes.fill_between(
                count, unexplored, 1, color=_LATE, alpha=0.15, lw=0, label="reached: its label is weak or disputed"
            )
            axes.plot(count, unexplored, "o-", ms=4, color=_EARLY)
            axes.set(title=title, xlabel="labels known when asking", ylim=(0, 1))
        all_axes[0][0].set_ylabel("share of what diffusion asks")
        handles, labels = all_axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        _save(figure, path)


def checkerboard_queries(records: Sequence[Record], path: Path, *, num_squares: int, seed: int = 0) -> None:
    """Draws where each strategy asked on the checkerboard, early rounds and late rounds apart (the paper's Fig. 3)."""
    of_seed = [record for record in records if record.seed == seed]
    strategies = list(dict.fromkeys(record.strategy for record in of_seed))
    with plt.rc_context(_BOARD_STYLE):
        figure, all_axes = plt.subplots(1, len(strategies), figsize=(4.2 * len(strategies), 5.2), squeeze=False)
        for axes, strategy in zip(all_axes[0], strategies, strict=True):
            own = [record for record in of_seed if record.strategy == strategy]
            _draw_board(axes, num_squares)
            _draw_queries(axes, own)
            axes.set_title(f"{NAMES[strategy]}\naccuracy {own[-1].accuracy:.2f} with {own[-1].num_labeled} labels")
        handles, labels = all_axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        _save(figure, path)


def _draw_board(axes: Any, num_squares: int) -> None:
    rows, columns = np.indices((num_squares, num_squares))
    axes.imshow((rows + columns) % 2, extent=(-1, 1, -1, 1), origin="lower", cmap="Greys", vmin=-0.1, vmax=5)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_queries(axes: Any, records: Sequence[Record]) -> None:
    asked = [np.array(record.points) for record in records if record.points]
    early = max(1, len(asked) // 4)
    for batches, color, when in ((asked[:early], _EARLY, "first"), (asked[-early:], _LATE, "last")):
        x, y = np.concatenate(batches).T
        label = f"asked in the {when} {early} of {len(asked)} rounds"
        axes.scatter(x, y, s=26, color=color, edgecolor="white", linewidth=0.6, label=label, zorder=3)


def _save(figure, path: Path) -> None:
    figure.savefig(path, dpi=130, bbox_inches="tight", pad_inches=0.1)
    plt.close(figure)
