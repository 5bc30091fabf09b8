"""Queries: to recover a cut of a grid, to get two Gaussians right, and how far one label reaches."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ddal_jax.figures.palette import KNOWN, Look
from ddal_jax.figures.style import CLASS_COLORS
from ddal_jax.figures.theory.parts import (
    FAINT,
    INK,
    column,
    commonest,
    curve,
    distinct,
    mark,
    medians,
    number_log_axis,
    panels,
    where,
)
from ddal_jax.theory.claims.types import Row

_WAYS = {
    "T = log_K N": Look(CLASS_COLORS[1], "-", "s"),
    "T = diameter": Look(CLASS_COLORS[3], "-", "D"),
    "T = infinity": Look(CLASS_COLORS[0], "-", "o"),
    "S2": Look(CLASS_COLORS[2], "--", "^"),
    "random": KNOWN["random"],
}
_BOUNDS = {
    "bound": (Look(INK, "-.", ""), "bound of S2"),
    "printed": (Look(CLASS_COLORS[5], ":", ""), "Theorem 1 as printed (constant 1)"),
}


def cut_search(rows: Sequence[Row], path: Path) -> None:
    """Draws queries until a cut is certified against N, dimension by dimension, and against the size of the cut.

    Medians over seeds between the 10th and 90th percentiles.
    """
    dimensions = sorted(distinct(rows, "dimension"))
    own = {dimension: _of_one_cut(where(rows, dimension=dimension)) for dimension in dimensions}
    titles = [f"d = {dimension}, cut: {here[0]['cut']}" for dimension, here in own.items()]
    wide = [row for row in rows if row["dimension"] > 1]
    if wide:
        titles.append("by the size of the cut, d > 1, all cuts")
    with panels(titles, path, size=(4.8, 3.7), ylabel="queries until the cut is certified") as all_axes:
        for axes, here in zip(all_axes, own.values(), strict=False):
            for way in distinct(here, "way"):
                curve(axes, medians(where(here, way=way), "num_nodes", "queries"), _WAYS[way], way)
            for key, (look, label) in _BOUNDS.items():
                curve(axes, medians(here, "num_nodes", key), look, label, shaded=False)
            axes.set(xscale="log", yscale="log", xlabel="nodes N")
            mark(axes.xaxis, sorted(distinct(here, "num_nodes")))
            number_log_axis(axes.yaxis)
        if wide:
            _by_cut_size(all_axes[-1], wide)


def _of_one_cut(rows: Sequence[Row]) -> list[Row]:
    return where(rows, cut=commonest(rows, "cut"))


def _by_cut_size(axes: Any, rows: Sequence[Row]) -> None:
    for way in distinct(rows, "way"):
        band = medians(where(rows, way=way), "cut_size", "queries")
        look = _WAYS[way]
        axes.vlines(band.at, band.low, band.high, color=look.color, lw=2.5, alpha=0.35)
        axes.plot(band.at, band.middle, look.marker, color=look.color, ms=5, label=way)
    sizes = column(rows, "cut_size")
    ends = [np.nanmin(sizes), np.nanmax(sizes)]
    axes.plot(ends, ends, color=FAINT, lw=1.2, label="as many queries as cut nodes")
    axes.set(xscale="log", yscale="log", xlabel="nodes at the cut |dC|")
    number_log_axis(axes.xaxis)
    number_log_axis(axes.yaxis)


def mixture(rows: Sequence[Row], path: Path) -> None:
    """Draws, setting by setting, how often n0 queries get every node right, and the queries until both classes are met.

    Shares with their 95 % intervals (Wilson); queries are medians between the 10th and 90th percentiles.
    """
    settings = list(dict.fromkeys((row["dimension"], row["separation"], row["balancedness"]) for row in rows))
    ways = distinct(rows, "way")
    titles = ("share of runs with every node right after n0 queries", "queries until both classes are met")
    with panels(titles, path, size=(5.4, 0.9 + 0.62 * len(settings)), sharey=True) as (left, right):
        for place, (dimension, separation, balancedness) in enumerate(settings):
            here = where(rows, dimension=dimension, separation=separation, balancedness=balancedness)
            for order, way in enumerate(ways):
                own = where(here, way=way)
                height = place + 0.2 * (order - (len(ways) - 1) / 2)
                _share_right(left, own, height, _WAYS[way], way)
                _to_both_classes(right, own, height, _WAYS[way], way)
            n0 = float(column(here, "coupon")[0])
            right.plot([n0, n0], [place - 0.4, place + 0.4], color=INK, lw=2, label="n0 = coupon term")
        left.set(xlim=(-0.03, 1.03), xlabel="share of runs", yticks=range(len(settings)))
        left.set_yticklabels([_named(setting, rows) for setting in settings])
        left.set_ylim(len(settings) - 0.5, -0.5)
        right.set(xscale="log", xlabel="queries, log axis")
        number_log_axis(right.xaxis)
        for axes in (left, right):
            axes.grid(visible=False, axis="y")


def _named(setting: tuple[int, float, float], rows: Sequence[Row]) -> str:
    dimension, separation, balancedness = setting
    here = where(rows, dimension=dimension, separation=separation, balancedness=balancedness)
    separable = np.mean([bool(row["separable"]) for row in here])
    return f"d = {dimension}, S = {separation:g}, beta = {balancedness:g}\n{separable:.0%} separable"


def _share_right(axes: Any, rows: Sequence[Row], height: float, look: Look, label: str) -> None:
    wrong = column(rows, "wrong")
    wrong = wrong[np.isfinite(wrong)]
    if not wrong.size:
        return
    found = binomtest(int((wrong == 0).sum()), wrong.size)
    interval = found.proportion_ci(method="wilson")
    axes.plot([interval.low, interval.high], [height, height], color=look.color, lw=2.5, alpha=0.4)
    axes.plot([found.statistic], [height], look.marker, color=look.color, ms=6, label=label)


def _to_both_classes(axes: Any, rows: Sequence[Row], height: float, look: Look, label: str) -> None:
    queries = column(rows, "both_classes")
    if not np.isfinite(queries).any():
        return
    low, middle, high = np.nanpercentile(queries, (10, 50, 90))
    axes.plot([low, high], [height, height], color=look.color, lw=2.5, alpha=0.4)
    axes.plot([middle], [height], look.marker, color=look.color, ms=6, label=label)


def reach(rows: Sequence[Row], path: Path) -> None:
    """Draws how many nodes one label reaches in T steps, pool by pool, beside K^T and N.

    Medians over draws between the 10th and 90th percentiles.
    """
    pools = list(dict.fromkeys((row["pool"], row["num_points"], row["num_neighbors"]) for row in rows))
    titles = [f"{name}\nN = {num_points:,}, K = {num_neighbors}" for name, num_points, num_neighbors in pools]
    with panels(titles, path, size=(4.2, 3.9), ylabel="nodes reached by one label") as all_axes:
        for axes, (name, num_points, num_neighbors) in zip(all_axes, pools, strict=True):
            own = where(rows, pool=name, num_points=num_points, num_neighbors=num_neighbors)
            axes.axhline(num_points, color=FAINT, lw=1.2, label="all N")
            curve(axes, medians(own, "step", "mean"), Look(CLASS_COLORS[0], "-", "o"), "mean label")
            curve(axes, medians(own, "step", "largest"), Look(CLASS_COLORS[2], "-", "^"), "best label")
            curve(
                axes, medians(own, "step", "assumed"), Look(CLASS_COLORS[5], "--", ""), "K^T, as assumed", shaded=False
            )
            by_rule = [row for row in own if row["recommended"]]
            if by_rule:
                axes.axvline(by_rule[0]["step"], color=INK, ls=":", lw=1.4, label="T by the rule K^T > N")
                axes.set_title(f"{axes.get_title()}\n{_to_cover(by_rule)}")
            axes.set(yscale="log", xlabel="steps T", ylim=(0.8, 4 * num_points))
            axes.minorticks_off()


def _to_cover(rows: Sequence[Row]) -> str:
    """Says what exploring costs at the recommended T."""
    mean = np.mean(column(rows, "queries_to_cover"))
    return f"queries to cover: {mean:.3g} (N / K^T = {rows[0]['assumed_queries']:.2g})"
