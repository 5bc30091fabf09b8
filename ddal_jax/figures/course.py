"""The course of one run, drawn from its snapshots: the paper's Figs. 1 and 2, and Fig. 2 as a movie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ddal_jax.experiments.snapshots import Snapshot
from ddal_jax.figures.style import BOARD_STYLE, CLASS_COLORS, PIL, matplotlib, plt, save

_KNOWN, _ASKED = "#fff3a3", "black"
_MILLISECONDS_PER_FRAME = 250


def can_be_drawn(snapshots: Sequence[Snapshot]) -> bool:
    """Tells whether there is a batch to draw, on planar points."""
    return bool(_asking(snapshots)) and snapshots[0].points.shape[1:] == (2,)


def still(snapshots: Sequence[Snapshot], path: Path) -> None:
    """Draws the true classes and three stages: the first batch, one a third of the way, and the last (Fig. 2)."""
    asking = _asking(snapshots)
    with plt.rc_context(BOARD_STYLE):
        figure, all_axes = plt.subplots(1, 4, figsize=(17, 4.7))
        _draw_truth(all_axes[0], asking[0])
        for axes, index in zip(all_axes[1:], _three_stages(len(asking)), strict=True):
            _draw_stage(axes, asking[index], index)
        handles, labels = all_axes[1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        save(figure, path)


def movie(snapshots: Sequence[Snapshot], path: Path) -> None:
    """Draws every batch as a frame of an animated GIF."""
    frames = []
    with plt.rc_context(BOARD_STYLE):
        figure, axes = plt.subplots(figsize=(4.6, 4.9), dpi=80)
        for index, snapshot in enumerate(_asking(snapshots)):
            axes.clear()
            _draw_stage(axes, snapshot, index, size=9)
            frames.append(_rendered(figure))
        plt.close(figure)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=_MILLISECONDS_PER_FRAME, loop=0)


def _rendered(figure: Any) -> PIL.Image.Image:
    figure.canvas.draw()
    return PIL.Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB").quantize(64)


def stages(snapshots: Sequence[Snapshot], path: Path) -> None:
    """Draws the graph with early, middle and late queries, and where the diffused label is sure (Fig. 1)."""
    asking = _asking(snapshots)
    with plt.rc_context(BOARD_STYLE):
        figure, all_axes = plt.subplots(1, 3, figsize=(13.5, 4.9))
        for axes, index in zip(all_axes, _three_stages(len(asking)), strict=True):
            _draw_graph(axes, asking[index])
            known, unreached = asking[index].labeled.sum(), _unreached(asking[index])
            axes.set_title(
                f"batch {index + 1}: {known} labels known, {unreached:.0%} of the pool unreached", fontsize=10
            )
        handles, labels = all_axes[0].get_legend_handles_labels()
        handles.append(matplotlib.patches.Patch(fill=False, edgecolor=CLASS_COLORS[0], lw=2))
        labels.append("surely of one class (colour)")
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        save(figure, path)


def _asking(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    return [snapshot for snapshot in snapshots if len(snapshot.queried)]


def _three_stages(num_batches: int) -> tuple[int, int, int]:
    return 0, (num_batches - 1) // 3, num_batches - 1


def _draw_truth(axes: Any, snapshot: Snapshot) -> None:
    x, y = snapshot.points.T
    axes.scatter(x, y, s=8, c=[CLASS_COLORS[label] for label in snapshot.truth])
    axes.set_title("true classes")
    _bare(axes)


def _draw_stage(axes: Any, snapshot: Snapshot, index: int, *, size: int = 11) -> None:
    x, y = snapshot.points.T
    axes.scatter(x, y, s=size, c=_shaded(snapshot))
    for rows, color, edge, what in (
        (snapshot.labeled, _KNOWN, "#77702a", "label known"),
        (snapshot.queried, _ASKED, "white", "asked in this batch"),
    ):
        axes.scatter(x[rows], y[rows], s=26, color=color, edgecolor=edge, linewidth=0.5, label=what, zorder=3)
    axes.set_title(
        f"batch {index + 1}: accuracy {snapshot.accuracy:.0%}, {_unreached(snapshot):.0%} of the pool unreached",
        fontsize=10,
    )
    _bare(axes)


def _shaded(snapshot: Snapshot) -> Float[np.ndarray, "n 3"]:
    """Mixes the colour of the likeliest class with white, the more the less of it has arrived."""
    colors = np.array([matplotlib.colors.to_rgb(color) for color in CLASS_COLORS])
    mass = snapshot.mass.astype(np.float64)
    strength = np.sqrt(mass.max(axis=1))[:, None]
    shade = np.where(snapshot.reached[:, None], 0.15 + 0.85 * strength, 0.0)
    return 1 - shade * (1 - colors[mass.argmax(axis=1)])


def _unreached(snapshot: Snapshot) -> float:
    return 1 - float(snapshot.reached.mean())


def _draw_graph(axes: Any, snapshot: Snapshot) -> None:
    x, y = snapshot.points.T
    pairs = [(i, j) for i, row in enumerate(snapshot.neighbors) for j in row]
    lines = [[snapshot.points[i], snapshot.points[j]] for i, j in pairs]
    axes.add_collection(
        matplotlib.collections.LineCollection(lines, colors="#d96459", linewidths=0.35, alpha=0.6, zorder=1)
    )
    axes.scatter(x, y, s=10, c=_shaded(snapshot), edgecolor="#999999", linewidth=0.3, zorder=2)
    for label in range(snapshot.mass.shape[1]):
        _draw_sure_region(axes, snapshot, label)
    for rows, color, what in ((snapshot.labeled, "white", "label known"), (snapshot.queried, "black", "asked now")):
        axes.scatter(x[rows], y[rows], s=38, color=color, edgecolor="black", linewidth=0.9, label=what, zorder=4)
    _bare(axes)


def _draw_sure_region(axes: Any, snapshot: Snapshot, label: int) -> None:
    """Draws an ellipse, of one and a half standard deviations, about the points that are surely of class `label`."""
    mass = snapshot.mass.astype(np.float64)
    total = mass.sum(axis=1)
    sure = (mass[:, label] > 0.9 * total) & (total > np.median(total[total > 0]) if (total > 0).any() else False)
    if np.sum(sure) < 5:
        return
    points = snapshot.points[sure].astype(np.float64)
    lengths, directions = np.linalg.eigh(np.cov(points.T))
    width, height = 3 * np.sqrt(lengths)
    angle = np.degrees(np.arctan2(*directions[::-1, 0]))
    axes.add_patch(
        matplotlib.patches.Ellipse(
            points.mean(axis=0), width, height, angle=angle, fill=False, color=CLASS_COLORS[label], lw=2, zorder=3
        )
    )


def _bare(axes: Any) -> None:
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
