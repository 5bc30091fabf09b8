"""Proposition 1 and Lemma 1 as a power iteration: does the walk turn a signal to phi_2?"""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ddal_jax.graph.types import Graph
from ddal_jax.theory.claims.pools import all_pairs, graphs
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict, grouped, listed
from ddal_jax.theory.convergence import PowerTrace, measured_rate, power_iteration, predicted_rate, predicted_tangents

LAZY, PLAIN, PRINTED = "lazy, constants out", "plain, constants out", "plain, nothing out"
KINDS: dict[str, dict[str, Any]] = {
    LAZY: {"laziness": 0.5},
    PLAIN: {"laziness": 0.0},
    PRINTED: {"laziness": 0.0, "keep_constants": True},
}
_SAME_VALUE = 1e-9
_FLOOR = 1e-6
_RELATIVE = 1e-5


def measure(effort: Effort, own: NamedPool | None) -> list[Row]:
    """Follows the angle to phi_2 from random labels, with the closed form beside it."""
    num_steps = 200 if effort.quick else 2000
    starts = np.random.default_rng(effort.seed)
    rows = []
    for named in graphs(effort, own):
        values, vectors = all_pairs(named.graph)
        num_targets = int((values[1:] > values[1] - _SAME_VALUE).sum())
        signals = starts.choice([-1.0, 1.0], (effort.num_seeds, len(values)))
        sizes = {"num_steps": num_steps, "num_targets": num_targets}
        for kind, trace in _follow(named.graph, signals, vectors, **sizes).items():
            predicted = None
            if kind != PRINTED:
                laziness = KINDS[kind]["laziness"]
                predicted = np.asarray(_predict(named.graph, signals, values, vectors, laziness=laziness, **sizes))
            for seed in range(effort.num_seeds):
                here = None if predicted is None else predicted[seed]
                traced = _trace_rows(named.name, kind, seed, jax.tree.map(lambda part, i=seed: part[i], trace), here)
                if kind == LAZY:
                    traced[0] |= _rates(values, num_targets, trace.tangents[seed])
                rows += traced
    return rows


def _rates(values: np.ndarray, num_targets: int, tangents) -> Row:
    """Returns the eigenvalues that decide how fast the lazy walk turns, and its rate as predicted and as measured."""
    return {
        "lambda_2": float(values[1]),
        "lambda_3": float(values[1 + num_targets]),
        "lambda_n": float(values[-1]),
        "predicted_rate": float(predicted_rate(values, num_targets=num_targets)),
        "measured_rate": float(measured_rate(tangents)),
    }


@functools.partial(jax.jit, static_argnames=("num_steps", "num_targets"))
def _follow(graph: Graph, signals, vectors, *, num_steps: int, num_targets: int):
    """Returns, for each kind of iteration, its traces, seed by seed."""
    target = vectors[:, 1 : 1 + num_targets]
    followed = {}
    for kind, choices in KINDS.items():
        iterate = functools.partial(power_iteration, num_steps=num_steps, **choices)
        followed[kind] = jax.lax.map(lambda signal, iterate=iterate: iterate(graph, signal, target), signals)
    return followed


@functools.partial(jax.jit, static_argnames=("num_steps", "num_targets", "laziness"))
def _predict(graph: Graph, signals, values, vectors, *, num_steps: int, num_targets: int, laziness: float):
    """Returns the tangents of the closed form, seed by seed."""
    predict = functools.partial(predicted_tangents, num_steps=num_steps, num_targets=num_targets, laziness=laziness)
    return jax.lax.map(lambda signal: predict(graph, signal, values, vectors), signals)


def _trace_rows(graph: str, kind: str, seed: int, trace: PowerTrace, predicted: np.ndarray | None) -> list[Row]:
    tangents, cosines = np.asarray(trace.tangents), np.asarray(trace.cosines)
    last = len(tangents) - 1
    kept = np.unique(np.concatenate([np.arange(min(10, last)), np.linspace(0, last, 41).astype(int)]))
    return [
        {
            "graph": graph,
            "kind": kind,
            "seed": seed,
            "step": int(step),
            "tangent": float(tangents[step]),
            "cosine": float(cosines[step]),
            "predicted": None if predicted is None else float(predicted[step]),
        }
        for step in kept
    ]


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Compares the tangents with the closed form, and reads where each kind of iteration ends."""
    lazy = [row for row in rows if row["kind"] == LAZY and row["predicted"] and row["predicted"] > _FLOOR]
    misses = max((abs(row["tangent"] / row["predicted"] - 1) for row in lazy), default=np.inf)
    last = max(row["step"] for row in rows)
    medians: dict[str, dict[str, float]] = {}
    for (kind, graph), own in grouped([row for row in rows if row["step"] == last], "kind", "graph").items():
        medians.setdefault(kind, {})[graph] = float(np.median([row["cosine"] for row in own]))
    printed, plain, mended = (medians[kind] for kind in (PRINTED, PLAIN, LAZY))
    return [
        Verdict(
            "Lemma 1 and Proposition 1 as printed: M^t chi_0 tends to phi_2.",
            f"After {last} steps the median cosine of M^t chi_0 to phi_2 is at least 0.99 on every graph.",
            min(printed.values()) >= 0.99,
            "Median cosine: " + listed(printed),
        ),
        Verdict(
            "With the constants projected out in every step, the walk as it is tends to phi_2.",
            f"After {last} steps the median cosine to phi_2 is at least 0.99 on every graph.",
            min(plain.values()) >= 0.99,
            "Median cosine: " + listed(plain),
        ),
        Verdict(
            "The lazy walk with the constants out tends to phi_2.",
            f"After {last} steps the median cosine to phi_2 is at least 0.99 on every graph.",
            min(mended.values()) >= 0.99,
            "Median cosine: " + listed(mended),
        ),
        Verdict(
            "The tangent of its angle to phi_2 is that of the closed form at every step.",
            f"Where the predicted tangent exceeds {_FLOOR:g} the measured one is within {_RELATIVE:g} of it, relative.",
            misses <= _RELATIVE,
            f"The largest relative difference is {misses:.1e}.",
        ),
    ]
