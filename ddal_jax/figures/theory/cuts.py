"""Cuts of graphs: what phi_2 and diffused labels cut, and how the sign of phi_2 errs on two Gaussians."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ddal_jax.figures.palette import Look
from ddal_jax.figures.style import CLASS_COLORS
from ddal_jax.figures.theory.parts import INK, Band, column, curve, distinct, means, panels, where
from ddal_jax.theory.claims.types import Row

_CUT, _QUOTIENT = Look(CLASS_COLORS[0], "-", "s"), Look(CLASS_COLORS[1], "-", "o")
_LOOKS = (Look(CLASS_COLORS[0], "-", "o"), Look(CLASS_COLORS[1], "-", "s"), Look(CLASS_COLORS[2], "-", "^"))


def minimal_cut(rows: Sequence[Row], path: Path) -> None:
    """Draws normalised cut and Rayleigh quotient of each signal, medians between the 10th and 90th percentiles."""
    graphs, signals = distinct(rows, "graph"), distinct(rows, "signal")
    with panels(graphs, path, size=(4.4, 3.3), sharey=True) as all_axes:
        for axes, graph in zip(all_axes, graphs, strict=True):
            own = where(rows, graph=graph)
            for key, look, label, shift in (
                ("normalized_cut", _CUT, "normalised cut of its sign", -0.14),
                ("rayleigh", _QUOTIENT, "Rayleigh quotient", 0.14),
            ):
                for place, signal in enumerate(signals):
                    _spread(axes, column(where(own, signal=signal), key), place + shift, look, label)
            axes.axvline(float(np.nanmedian(column(own, "lower_bound"))), color=INK, lw=1.2, label="1 - lambda_2")
            axes.set(xscale="log", xlabel="cut or quotient, log axis", yticks=range(len(signals)), yticklabels=signals)
            axes.set_ylim(len(signals) - 0.5, -0.5)
            axes.grid(visible=False, axis="y")


def _spread(axes: Any, values: np.ndarray, place: float, look: Look, label: str) -> None:
    if not np.isfinite(values).any():
        return
    low, middle, high = np.nanpercentile(values, (10, 50, 90))
    axes.plot([low, high], [place, place], color=look.color, lw=2.5, alpha=0.5, solid_capstyle="round")
    axes.plot([middle], [place], color=look.color, marker=look.marker, ms=6, ls="", label=label)


def sign_cut(rows: Sequence[Row], path: Path) -> None:
    """Draws the error of the sign of phi_2 against the distance of two Gaussians, with the bound of Eq. (15).

    Bands are two standard errors about the mean over draws. Where no draw has an error, a logarithmic axis shows none.
    """
    bound, bayes = means(rows, "sigmas", "bound"), means(rows, "sigmas", "bayes")
    apart = sum(not row["connected"] for row in rows)
    title = f"graphs in more than one piece: {apart} of {len(rows)}"
    with panels([title], path, size=(6.6, 4.2), ylabel="share on the wrong side") as (axes,):
        settings = dict.fromkeys((row["dimension"], row["balancedness"]) for row in rows)
        for (dimension, balancedness), look in zip(settings, _LOOKS, strict=False):
            band = means(where(rows, dimension=dimension, balancedness=balancedness), "sigmas", "error")
            curve(axes, _above_zero(band), look, f"sign of phi_2, d = {dimension}, beta = {balancedness:g}")
        curve(axes, bound, Look(CLASS_COLORS[5], "--", ""), "bound: exp(-Delta^2 / 8)", shaded=False)
        curve(axes, bayes, Look(INK, ":", ""), "Bayes error", shaded=False)
        axes.set(yscale="log", xlabel="distance of the centres, Delta (in sigmas)")


def _above_zero(band: Band) -> Band:
    """Leaves out points at zero, and ends the band a little below the others."""
    positive = band.middle > 0
    end = band.middle[positive].min(initial=1.0) / 4
    return Band(*(part[positive] for part in band._replace(low=np.maximum(band.low, end))))
