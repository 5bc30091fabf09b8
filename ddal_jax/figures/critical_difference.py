"""The critical-difference diagram: average ranks over tasks, and what the tests do not tell apart."""

from pathlib import Path
from typing import Any

from ddal_jax.evaluate.ranks import Ranking
from ddal_jax.evaluate.significance import fewest_pairs_to_resolve
from ddal_jax.figures.palette import Look, looks
from ddal_jax.figures.style import STYLE, plt, save

_STYLE: dict[Any, Any] = {**STYLE, "axes.grid": False, "axes.titlesize": 11, "font.size": 10}
_INK = "#222222"
_FIRST_BAR, _BAR_STEP, _LABEL_STEP = 0.35, 0.28, 0.55


def critical_difference(ranking: Ranking, path: Path) -> None:
    """Draws strategies on the axis of average ranks over tasks; a bar joins those that are not told apart."""
    style = looks(ranking.strategies)
    count = len(ranking.strategies)
    half = (count + 1) // 2
    first = _FIRST_BAR + 0.15 + _BAR_STEP * len(ranking.cliques)
    margin = 0.07 * (count - 1)
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=(9, 1.4 + 0.32 * (first + half)))
        axes.set(xlim=(1 - margin, count + margin), ylim=(first + _LABEL_STEP * half, -0.9))
        axes.axis("off")
        axes.plot([1, count], [0, 0], color=_INK, lw=1.2)
        for tick in range(1, count + 1):
            axes.plot([tick, tick], [-0.12, 0], color=_INK, lw=1.2)
            axes.text(tick, -0.2, str(tick), ha="center", va="bottom")
        for place, name in enumerate(ranking.strategies):
            left = place < half
            depth = first + _LABEL_STEP * (place if left else count - 1 - place)
            edge = 1 - margin if left else count + margin
            _draw_strategy(axes, name, ranking.average_ranks[place], style[name], depth=depth, edge=edge)
        _draw_bars(axes, ranking, overhang=0.1 * margin)
        bars = "a bar joins what is not told apart" if ranking.cliques else "all are told apart"
        over = f"average rank over {ranking.num_tasks} tasks, 1 is best"
        if ranking.num_tasks < fewest_pairs_to_resolve(len(ranking.p_values)):
            bars = f"{ranking.num_tasks} tasks cannot resolve any of {len(ranking.p_values)} pairs"
        axes.set_title(f"{over}\nFriedman p = {ranking.friedman_p:.2g}; {bars}")
        save(figure, path)


def _draw_strategy(axes: Any, name: str, rank: float, look: Look, *, depth: float, edge: float) -> None:
    axes.plot([rank, rank, edge], [0, depth, depth], color=look.color, lw=1.4)
    axes.plot([rank], [0], marker=look.marker, color=look.color, ms=6, clip_on=False)
    left = edge < rank
    label = f"{name}  {rank:.2f} " if left else f" {rank:.2f}  {name}"
    axes.text(edge, depth, label, ha="right" if left else "left", va="center")


def _draw_bars(axes: Any, ranking: Ranking, *, overhang: float) -> None:
    ranks = dict(zip(ranking.strategies, ranking.average_ranks, strict=True))
    for level, group in enumerate(ranking.cliques):
        ends = [ranks[group[0]] - overhang, ranks[group[-1]] + overhang]
        axes.plot(ends, [_FIRST_BAR + _BAR_STEP * level] * 2, color=_INK, lw=4.5, solid_capstyle="butt")
