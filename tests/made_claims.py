"""Rows made up for every claim, as measuring would return them, and claims that cost nothing to measure."""

import itertools
import math

import numpy as np

from ddal_jax.theory.claims.types import Claim, Verdict

SEEDS = range(3)


def _eigenproblem():
    return [
        {
            "graph": "toy", "num_nodes": 50, "pair": pair, "eigenvalue": 1 - 0.1 * pair, "walk_residual": 1e-12,
            "laplacian_residual": 2e-12, "arpack_difference": 3e-13, "orthogonality": 4e-15,
        }
        for pair in range(3)
    ]  # fmt: skip


def _minimal_cut():
    return [
        {"graph": graph, "signal": signal, "simple": True, "seed": seed, "rayleigh": 0.05 * place + 0.001 * seed + 0.02,
         "normalized_cut": 0.06 * place + 0.03, "lower_bound": 0.02}
        for graph in ("toy", "grid 4 x 4")
        for place, signal in enumerate(("phi_2", "true classes", "random halves"))
        for seed in SEEDS
    ]  # fmt: skip


def _power_iteration():
    kinds = {"lazy, constants out": -0.05, "plain, constants out": -0.1, "plain, nothing out": 0.3}
    return [
        {"graph": "toy", "kind": kind, "seed": seed, "step": step, "tangent": (1 + seed) * math.exp(power * step),
         "predicted": None if power > 0 else (1 + seed) * math.exp(power * step), "cosine": 0.5}
        for (kind, power), seed, step in itertools.product(kinds.items(), SEEDS, range(0, 50, 5))
    ]  # fmt: skip


def _harmonic_limit():
    rows = []
    for seed, step in itertools.product(SEEDS, range(0, 50, 5)):
        rows.append(
            {"graph": "toy", "seed": seed, "step": step, "error": 0.8**step, "bound": (0.85 + 0.01 * seed) ** step}
        )
        if step == 0:
            rows[-1] |= {"tolerance": 1e-3, "steps_needed": 42.0 + seed}
    return rows


def _lemma_1():
    settings = [(s, 10, labels) for s in (1.0, 2.0) for labels in (1, 5)] + [(s, 5, 1) for s in (1.0, 2.0)]
    return [
        {"separation": separation, "balancedness": 0.5, "num_labels": labels, "num_neighbors": k, "seed": seed,
         "cosine": 0.8 + 0.05 * separation + 0.01 * seed, "cosine_at_steps": 0.1 * labels, "sign_agreement": 0.9,
         "accuracy_phi": 0.9, "accuracy": 0.95, "ratio": 0.5, "error_norm": 0.1, "bound": 0.2, "connected": seed < 2}
        for (separation, k, labels), seed in itertools.product(settings, SEEDS)
    ]  # fmt: skip


def _counterexamples():
    return [
        {"name": "path | of 8", "claim": "It tends to phi_2: cosine", "expected": 1.0, "limit": 0.5, "measured": 0.39,
         "shown": True},
        {"name": "ten classes", "claim": "It measures doubt", "expected": 0.5, "limit": 0.0, "measured": 0.1,
         "shown": False},
    ]  # fmt: skip


def _reach():
    rows = []
    for pool, seed, step in itertools.product(("plane", "digits"), SEEDS, range(5)):
        rows.append(
            {"pool": pool, "seed": seed, "num_points": 300, "num_neighbors": 10, "step": step,
             "mean": min(300.0, 6.0**step), "largest": min(300, 8**step), "assumed": 10.0**step,
             "recommended": step == 3}
        )  # fmt: skip
        if step == 3:
            rows[-1] |= {"queries_to_cover": 9.2, "assumed_queries": 0.3}
    return rows


def _cut_search():
    ways = {"T = log_K N": 0.2, "T = diameter": 0.02, "T = infinity": 0.01, "S2": 0.01, "random": 0.9}
    return [
        {"dimension": d, "side": side, "cut": cut, "num_nodes": side**d, "cut_size": 2 * side ** (d - 1),
         "num_cut_components": 1, "way": way, "seed": seed, "bound": 20.0 + side, "printed": 15.0, "fit": 30.0,
         "queries": int(share * side**d) + 2 * side ** (d - 1) + seed, "both_classes": 2 + seed}
        for d, cut, sides in ((1, "half", (64, 256)), (2, "half", (8, 16)), (2, "ball", (8,)))
        for side, (way, share), seed in itertools.product(sides, ways.items(), SEEDS)
    ]  # fmt: skip


def _mixture():
    ways = ("T = infinity", "T = log_K N", "random")
    return [
        {"dimension": 2, "separation": separation, "balancedness": beta, "seed": seed, "way": way,
         "both_classes": 2 + seed, "wrong": 0.0 if separation > 1 else 0.01 * seed,
         "coupon": 6.0 if beta == 0.5 else 51.0, "separable": separation > 1,
         "right_after_two": True if separation > 1 else None}
        for (separation, beta), way, seed in itertools.product(((1.0, 0.5), (3.0, 0.1)), ways, SEEDS)
    ]  # fmt: skip


def _sign_cut():
    return [
        {"dimension": d, "balancedness": 0.5, "sigmas": sigmas, "seed": seed,
         "error": 0.0 if sigmas == 6 else 0.1 / sigmas + 0.01 * seed,
         "bound": math.exp(-(sigmas**2) / 8), "bayes": 0.05 / sigmas, "connected": seed > 0}
        for d, sigmas, seed in itertools.product((2, 10), (2.0, 4.0, 6.0), SEEDS)
    ]  # fmt: skip


def rows_of_all():
    """Rows of every claim by its name."""
    made = {
        "eigenproblem": _eigenproblem, "minimal-cut": _minimal_cut, "power-iteration": _power_iteration,
        "harmonic-limit": _harmonic_limit, "lemma-1": _lemma_1, "counterexamples": _counterexamples, "reach": _reach,
        "cut-search": _cut_search, "mixture": _mixture, "sign-cut": _sign_cut,
    }  # fmt: skip
    return {name: make() for name, make in made.items()}


def cheap_claim(name, *, seen=None):
    """A claim whose rows are made up, one seed and one pool after the other; it holds where their mean is below 0.5.

    `seen` collects what `measure` was called with.
    """

    def measure(effort, own):
        if seen is not None:
            seen.append((effort, own))
        errors = np.linspace(0, 0.4, effort.num_seeds)
        return [
            {"dimension": 2, "balancedness": 0.5, "sigmas": sigmas, "seed": seed, "error": error,
             "bound": np.float64(0.5), "bayes": 0.1, "connected": np.bool_(True)}
            for sigmas in (2.0, 4.0) for seed, error in enumerate(errors)
        ]  # fmt: skip

    def judge(rows):
        mean = np.mean([row["error"] for row in rows])
        return [Verdict(f"{name} is small.", "Its mean is below 0.5.", bool(mean < 0.5), f"It is {mean:.2f}.")]

    return Claim(title=f"On {name}", place=f"Section of {name}", measure=measure, judge=judge)
