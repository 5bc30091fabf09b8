"""The demo's pictures: learning curves, and the switch from exploring to refining."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ddal_jax.experiments.results import Record
from ddal_jax.experiments.summary import means
from ddal_jax.figures.style import EARLY, LATE, STYLE, plt, save

DIFFUSION = "diffusion-min-abs"
_NAMES = {"random": "random", "margin": "margin", DIFFUSION: "DDAL (diffusion)"}
_COLORS = {"random": "#888888", "margin": "#d95f02", DIFFUSION: "#1b6ca8"}


def learning_curves(records: Sequence[Record], path: Path, *, title: str) -> None:
    """Draws held-out accuracy against labels; bands are the mean plus and minus two standard errors."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7, 4.5))
        for strategy, points in means(records).items():
            count, mean, error, _ = np.array(points).T
            axes.plot(count, mean, "o-", ms=4, color=_COLORS[strategy], label=_NAMES[strategy])
            axes.fill_between(count, mean - 2 * error, mean + 2 * error, color=_COLORS[strategy], alpha=0.2, lw=0)
        axes.set(title=title, xlabel="labels", ylabel="held-out accuracy")
        axes.legend(loc="lower right")
        save(figure, path)


def switch(panels: Mapping[str, Sequence[Record]], path: Path) -> None:
    """Draws the share of diffusion's queries that no label reached: the paper's switch from exploring to refining.

    Args:
      panels: records of one task each, by the title of their panel.
      path: of the PNG.
    """
    with plt.rc_context(STYLE):
        figure, all_axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.6), sharey=True, squeeze=False)
        for axes, (title, records) in zip(all_axes[0], panels.items(), strict=True):
            points = [point for point in means(records)[DIFFUSION] if np.isfinite(point.unexplored)]
            count, _, _, unexplored = np.array(points).T
            axes.fill_between(count, 0, unexplored, color=EARLY, alpha=0.3, lw=0, label="unexplored: no label reaches")
            axes.fill_between(
                count, unexplored, 1, color=LATE, alpha=0.15, lw=0, label="reached: its label is weak or disputed"
            )
            axes.plot(count, unexplored, "o-", ms=4, color=EARLY)
            axes.set(title=title, xlabel="labels known when asking", ylim=(0, 1))
        all_axes[0][0].set_ylabel("share of what diffusion asks")
        handles, labels = all_axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        save(figure, path)
