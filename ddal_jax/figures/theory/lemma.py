"""Lemma 1: how near the harmonic function of a few labels is to phi_2."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ddal_jax.figures.palette import Look
from ddal_jax.figures.style import CLASS_COLORS
from ddal_jax.figures.theory.parts import commonest, curve, distinct, mark, means, panels, where
from ddal_jax.theory.claims.types import Row

_LABELS = ((CLASS_COLORS[0], "o"), (CLASS_COLORS[1], "s"), (CLASS_COLORS[2], "^"), (CLASS_COLORS[3], "D"))
_LIMITS = (-0.03, 1.03)


def lemma_1(rows: Sequence[Row], path: Path) -> None:
    """Draws cosine and sign agreement of diffused labels with phi_2, against separation and K.

    Bands are two standard errors about the mean over draws. Graphs in several pieces have no one phi_2 and are left
    out. What is not varied stays at the value that most rows have.
    """
    connected = [row for row in rows if row["connected"]]
    usual = {key: commonest(rows, key) for key in ("balancedness", "num_neighbors")}
    looks = dict(zip(sorted(distinct(rows, "num_labels")), _LABELS, strict=False))
    setting = f"beta = {usual['balancedness']:g}, K = {usual['num_neighbors']}"
    titles = [f"centred cosine to phi_2\n{setting}", f"same sign as phi_2\n{setting}"]
    over_k = where(connected, balancedness=usual["balancedness"], num_labels=min(looks))
    shows_k = len(distinct(over_k, "num_neighbors")) > 1
    if shows_k:
        titles.append(f"centred cosine by K, T = infinity\nbeta = {usual['balancedness']:g}, {_named(min(looks))}")
    with panels(titles, path, size=(4.6, 3.9)) as all_axes:
        here = where(connected, **usual)
        for num_labels, (color, marker) in looks.items():
            own, name = where(here, num_labels=num_labels), _named(num_labels)
            solid, dashed = Look(color, "-", marker), Look(color, "--", marker)
            curve(all_axes[0], means(own, "separation", "cosine"), solid, f"{name}, T = infinity")
            curve(all_axes[0], means(own, "separation", "cosine_at_steps"), dashed, f"{name}, T = log_K N")
            curve(all_axes[1], means(own, "separation", "sign_agreement"), solid, f"{name}, T = infinity")
        if shows_k:
            _by_neighbors(all_axes[2], over_k)
        for axes in all_axes[:2]:
            mark(axes.xaxis, sorted(distinct(rows, "separation")))
            axes.set(xlabel="separation S of Eq. (9)", ylim=_LIMITS)


def _by_neighbors(axes: Any, rows: Sequence[Row]) -> None:
    """Draws the cosine against K, a grey line for each separation, the darker the wider."""
    separations = sorted(distinct(rows, "separation"))
    for place, separation in enumerate(separations):
        own = where(rows, separation=separation)
        grey = str(round(0.72 * (1 - place / max(1, len(separations) - 1)), 2))
        band = means(own, "num_neighbors", "cosine")
        curve(axes, band, Look(grey, "-", "ovDXP*"[place % 6]), f"S = {separation:g} (by K)")
    mark(axes.xaxis, sorted(distinct(rows, "num_neighbors")))
    axes.set(xlabel="neighbours K", ylim=_LIMITS)


def _named(num_labels: int) -> str:
    return f"{num_labels} label{'s' if num_labels > 1 else ''} a class"
