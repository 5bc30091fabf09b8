"""Eq. (4) and (5): does clamped diffusion tend to the harmonic function, and how soon?"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ddal_jax.diffusion import label_mass, walk
from ddal_jax.graph.types import Graph
from ddal_jax.limit import harmonic
from ddal_jax.spectral import clamped_rate
from ddal_jax.theory.claims.pools import graphs
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict, grouped, listed
from ddal_jax.theory.clamped import steps_needed

_SMALL = 1e-3
_ROUNDING = 1e-10


def measure(effort: Effort, own: NamedPool | None) -> list[Row]:
    """Follows clamped diffusion to its limit from five labels a class, with the bound rho^t beside it."""
    num_steps = 100 if effort.quick else 1000
    steps = np.unique(np.geomspace(1, num_steps + 1, 31).astype(int)) - 1
    rows = []
    for named in graphs(effort, own):
        labels = np.asarray(named.labels)
        labeled = np.stack([_five_of_each_class(labels, [effort.seed, seed]) for seed in range(effort.num_seeds)])
        rates, errors = map(
            np.asarray,
            _follow_clamped(named.graph, labels, labeled, num_classes=int(labels.max()) + 1, num_steps=num_steps),
        )
        for seed in range(effort.num_seeds):
            for step in steps:
                row = {"graph": named.name, "seed": seed, "step": int(step)}
                row |= {"error": float(errors[seed, step] / errors[seed, 0]), "bound": float(rates[seed] ** step)}
                if step == 0:
                    needed = float(steps_needed(float(rates[seed]), _SMALL))
                    row |= {"tolerance": _SMALL, "steps_needed": needed}
                rows.append(row)
    return rows


def _five_of_each_class(labels: np.ndarray, seed: Sequence[int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picked = [rng.permutation(np.flatnonzero(labels == c))[:5] for c in np.unique(labels)]
    return np.isin(np.arange(len(labels)), np.concatenate(picked))


@functools.partial(jax.jit, static_argnames=("num_classes", "num_steps"))
def _follow_clamped(graph: Graph, labels, labeled, *, num_classes: int, num_steps: int):
    """Returns rho(M_uu), and the D-norm of what is missing from the limit after 0, 1, ... steps, seed by seed."""

    def of_seed(labeled):
        mass = label_mass(labels, labeled, num_classes=num_classes).astype(graph.weights.dtype)
        limit = harmonic(graph, mass, labeled, tolerance=1e-14).mass

        def missing(current):
            return jnp.sqrt(jnp.sum(graph.degrees[:, None] * (limit - current) ** 2))

        def step(current, _):
            following = jnp.where(labeled[:, None], mass, walk(graph, current))
            return following, missing(following)

        errors = jax.lax.scan(step, mass, length=num_steps)[1]
        rate = clamped_rate(graph, labeled, tolerance=1e-10, key=jax.random.key(0))
        return rate, jnp.concatenate([missing(mass)[None], errors])

    return jax.lax.map(of_seed, labeled)


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Compares what is missing from the harmonic function with the bound, and the steps it takes with a few."""
    excess = max(row["error"] - row["bound"] for row in rows)
    tenth = min({row["step"] for row in rows}, key=lambda step: (abs(step - 10), step))
    needed, after_ten = {}, {}
    for (name,), own in grouped(rows, "graph").items():
        needed[name] = float(np.median([row["steps_needed"] for row in own if "steps_needed" in row]))
        after_ten[name] = float(np.median([row["error"] for row in own if row["step"] == tenth]))
    return [
        Verdict(
            "Clamped diffusion tends to the harmonic function of Eq. (4); a step shrinks what is missing by rho(M_uu).",
            f"At no step does the D-norm of what is missing exceed rho^t of the start (by more than {_ROUNDING:g}).",
            excess <= _ROUNDING,
            f"It exceeds the bound by {excess:.1e} at most. Steps that suffice for {_SMALL:g}, median: "
            + listed(needed, ".0f"),
        ),
        Verdict(
            "A few steps come near the limit (Section IV-B, read as convergence).",
            "After ten steps the median share still missing is at most 0.1 on every graph.",
            max(after_ten.values()) <= 0.1,
            "Still missing: " + listed(after_ten),
        ),
    ]
