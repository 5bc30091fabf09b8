"""Eq. (7): how the sign cut of phi_2 compares with the cuts of classes and of diffused labellings."""

from collections.abc import Sequence

import jax
import numpy as np

from ddal_jax.diffusion import label_mass
from ddal_jax.graph.types import Graph
from ddal_jax.limit import harmonic
from ddal_jax.theory import cuts
from ddal_jax.theory.claims.pools import NamedGraph, graphs, leading_pairs
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict, grouped

BEST = "phi_2 at its best threshold"
_SLACK = 1e-6


def measure(effort: Effort, own: NamedPool | None) -> list[Row]:
    """Measures Rayleigh quotient and normalised cut of the sign of phi_2, of the classes, of diffused labellings."""
    rows = []
    for named in graphs(effort, own):
        named = named._replace(labels=(named.labels >= (named.labels.max() + 1) / 2).astype(np.int32))
        found = leading_pairs(named.graph, jax.random.key(effort.seed))
        phi = np.asarray(found.eigenvectors[:, 1])
        fixed = {"phi_2": phi, BEST: _best_threshold(named.graph, phi), "true classes": named.labels - 0.5}
        for seed in range(effort.num_seeds):
            random = _random_sides(named, [effort.seed, seed])
            for signal, side in ((fixed if seed == 0 else {}) | random).items():
                cut = float(cuts.normalized_cut(named.graph, cuts.sign_cut(side)))
                if not np.isfinite(cut):
                    continue  # All nodes on one side: the pool's component holds a single class.
                rayleigh = cuts.rayleigh_quotient(named.graph, phi if signal == "phi_2" else np.sign(side))
                rows.append(
                    {
                        "graph": named.name,
                        "signal": signal,
                        "seed": seed,
                        "rayleigh": float(rayleigh),
                        "normalized_cut": cut,
                        "lower_bound": float(1 - found.eigenvalues[1]),
                        "simple": bool(found.eigenvalues[1] - found.eigenvalues[2] > _SLACK),
                    }
                )
    return rows


def _best_threshold(graph: Graph, phi: np.ndarray) -> np.ndarray:
    """Returns phi_2 less the threshold between two of its values at which the parts above and below cut least."""
    ascending = np.sort(phi)
    thresholds = (ascending[1:] + ascending[:-1]) / 2
    found = jax.lax.map(lambda threshold: cuts.normalized_cut(graph, phi > threshold), thresholds)
    return phi - thresholds[np.argmin(np.asarray(found))]


def _random_sides(named: NamedGraph, seed: Sequence[int]) -> dict[str, np.ndarray]:
    """Lists signals whose sign cuts the graph in two and that depend on chance."""
    rng = np.random.default_rng(seed)
    n = len(named.labels)
    sides = {}
    for count in (1, 5):
        picked = np.concatenate([rng.permutation(np.flatnonzero(named.labels == c))[:count] for c in (0, 1)])
        labeled = np.isin(np.arange(n), picked)
        mass = label_mass(named.labels, labeled, num_classes=2)
        limit = np.asarray(harmonic(named.graph, mass, labeled, tolerance=1e-10).mass)
        name = f"diffused, {count} label{'s' if count > 1 else ''} a class"
        sides[name] = np.where(limit[:, 1] > limit[:, 0], 1.0, -1.0)
    sides["random halves"] = np.where(rng.permutation(n) < n // 2, 1.0, -1.0)
    return sides


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Reads whether phi_2 attains the minimum of Eq. (7) and whether its sign gives the smallest cut seen."""
    of_phi = [row for row in rows if row["signal"] == "phi_2"]
    attained = max(abs(row["rayleigh"] - row["lower_bound"]) for row in of_phi)
    below = min(row["normalized_cut"] - row["lower_bound"] for row in rows)
    beaten, eligible = {}, grouped([row for row in rows if row["simple"]], "graph")
    for (name,), here in eligible.items():
        own = next(row["normalized_cut"] for row in here if row["signal"] == "phi_2")
        best = min(here, key=lambda row: row["normalized_cut"])
        if best["normalized_cut"] < own - _SLACK:
            beaten[name] = f"on {name} {best['signal']} cuts at {best['normalized_cut']:.4f}, the sign at {own:.4f}"
    return [
        Verdict(
            "The minimum of Eq. (7) is 1 - lambda_2, attained at phi_2.",
            f"The Rayleigh quotient of phi_2 is within {_SLACK:g} of 1 - lambda_2 on every graph.",
            attained <= _SLACK,
            f"It differs by {attained:.1e} at most.",
        ),
        Verdict(
            "It is a relaxation: 1 - lambda_2 is at most the normalised cut of any two parts.",
            f"No cut measured lies more than {_SLACK:g} below it.",
            below >= -_SLACK,
            f"The smallest cut lies {below:+.4f} above it.",
        ),
        Verdict(
            "The sign of phi_2 is the minimal normalised cut (as printed: phi_2 solves MinNCut).",
            "On no graph whose lambda_2 is a simple eigenvalue does another labelling measured here cut less.",
            not beaten if eligible else None,
            "; ".join(beaten.values()) + "." if beaten else f"None cuts less on {len(eligible)} graphs.",
        ),
    ]
