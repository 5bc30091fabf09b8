"""Iterations against their limits: the power iteration to phi_2, clamped diffusion to the harmonic function."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ddal_jax.figures.palette import Look
from ddal_jax.figures.style import CLASS_COLORS
from ddal_jax.figures.theory.parts import FAINT, INK, column, curve, distinct, floor_of, medians, panels, where
from ddal_jax.theory.claims.types import Row

_LOOKS = (
    Look(CLASS_COLORS[0], "-", "o"),
    Look(CLASS_COLORS[1], "-", "s"),
    Look(CLASS_COLORS[3], "-", "^"),
)
_CLOSED_FORM = Look(INK, "--", "")
_LOWEST, _HIGHEST = 1e-12, 1e4


def power_iteration(rows: Sequence[Row], path: Path) -> None:
    """Draws the tangent of the angle to phi_2 against steps, graph by graph, with the closed form dashed in black.

    Curves are medians over starts between the 10th and 90th percentiles.
    """
    graphs = distinct(rows, "graph")
    looks = dict(zip(distinct(rows, "kind"), _LOOKS, strict=False))
    tangents = column(rows, "tangent")
    bottom, top = floor_of(tangents, lowest=_LOWEST), min(2 * np.nanmax(tangents), _HIGHEST)
    with panels(graphs, path, size=(4.4, 3.7), ylabel="tangent of the angle to phi_2", sharey=True) as all_axes:
        for axes, graph in zip(all_axes, graphs, strict=True):
            here = {kind: where(rows, graph=graph, kind=kind) for kind in looks}
            for kind, own in here.items():
                curve(axes, medians(own, "step", "tangent"), looks[kind], kind, width=3.0)
            for own in here.values():
                predicted = medians(own, "step", "predicted")
                if predicted.at.size:
                    curve(axes, predicted, _CLOSED_FORM, "closed form (median)", shaded=False, width=1.0)
            axes.set(yscale="log", xlabel="steps t", ylim=(bottom, top))
            axes.minorticks_off()


def harmonic_limit(rows: Sequence[Row], path: Path) -> None:
    """Draws the share of the harmonic function that is missing after t steps, and the bound on it, graph by graph.

    Curves are medians over draws of the labels between the 10th and 90th percentiles. A line marks the steps that
    suffice for the tolerance by the bound, where they are not beyond the picture.
    """
    graphs = distinct(rows, "graph")
    bottom = floor_of(column(rows, "error"), lowest=_LOWEST)
    with panels(graphs, path, size=(4.4, 3.7), ylabel="share still missing (D-norm)", sharey=True) as all_axes:
        for axes, graph in zip(all_axes, graphs, strict=True):
            own = where(rows, graph=graph)
            curve(axes, medians(own, "step", "error"), _LOOKS[0], "still missing, measured")
            curve(axes, medians(own, "step", "bound"), Look(CLASS_COLORS[5], "--", ""), "bound: rho(M_uu)^t")
            starts = [row for row in own if row.get("steps_needed") is not None]
            if starts:
                tolerance, last = starts[0]["tolerance"], max(row["step"] for row in own)
                needed = float(medians(starts, "step", "steps_needed").middle[0])
                axes.axhline(tolerance, color=FAINT, ls=":", lw=1.2, label=f"tolerance {tolerance:g}")
                if needed <= last:
                    axes.axvline(needed, color=FAINT, lw=1.2, label="steps that suffice for it (median)")
                axes.set_title(f"{graph}\nsteps that suffice: {needed:,.0f}")
            axes.set(yscale="log", xlabel="steps t", ylim=(bottom, 1.6))
            axes.minorticks_off()
