"""Theorem 1: how many queries find a cut through a grid, by diffusion, by S2, at random, beside the bounds."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ddal_jax.diffusion import recommended_num_steps
from ddal_jax.theory.bounds import s2_bound, theorem1_as_printed, theorem1_fit_unproved
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict
from ddal_jax.theory.search import Search, batch_query, random_search, s2_search
from ddal_jax.theory.tasks import Cut, SearchTask, cut_of, diameter, grid_task

BY_RULE, ACROSS, FOREVER, S2, RANDOM = "T = log_K N", "T = diameter", "T = infinity", "S2", "random"
FAILURE = 0.05
_KAPPA = 3
_GRIDS = {  # (dimension, cut): sides
    (1, "half"): (64, 256, 1024),
    (2, "half"): (8, 16, 24, 32),
    (2, "ball"): (8, 16, 24),
    (3, "half"): (5, 7, 9),
}
_LIKE_LOG = (
    "On the line, from the smallest to the largest N, (queries - |dC|) / log N grows by half at most (sqrt(N) / log N "
    "more than doubles from 64 to 1024)."
)
_QUICK = {(1, "half"): (64, 256), (2, "half"): (16,)}


def measure(effort: Effort, own: NamedPool | None) -> list[Row]:
    """Searches grids for their cuts, a first label and ties of its own for each seed."""
    del own  # Its cut is what labelling would have to find.
    keys = jax.vmap(jax.random.key)(effort.seed + jnp.arange(effort.num_seeds))
    rows = []
    for (dimension, cut), sides in (_QUICK if effort.quick else _GRIDS).items():
        for side in sides:
            task = grid_task(side, dimension, cut=cut)
            measured, num_nodes = cut_of(task), side**dimension
            fixed = {
                "dimension": dimension,
                "side": side,
                "cut": cut,
                "num_nodes": num_nodes,
                "cut_size": measured.size,
                "num_cut_components": measured.num_components,
                "bound": s2_bound(
                    measured.balancedness, FAILURE, num_nodes=num_nodes, cut_size=measured.size,
                    num_cut_components=measured.num_components, kappa=_KAPPA,
                ),
                "printed": theorem1_as_printed(
                    measured.class_balancedness, FAILURE, num_nodes=num_nodes, num_neighbors=2 * dimension,
                    dimension=dimension, cut_size=measured.size,
                ),
            }  # fmt: skip
            for way, search in _searches(keys, task, dimension).items():
                rows += _rows(fixed, way, search, measured)
    return rows


def _searches(keys, task: SearchTask, dimension: int) -> dict[str, Search]:
    num_steps = recommended_num_steps(task.labels.size, 2 * dimension)
    return {
        BY_RULE: batch_query(keys, task, num_steps=num_steps),
        ACROSS: batch_query(keys, task, num_steps=diameter(task.graph)),
        FOREVER: batch_query(keys, task, num_steps=None),
        S2: s2_search(keys, task),
        RANDOM: random_search(keys, task),
    }


def _rows(fixed: Row, way: str, search: Search, cut: Cut) -> list[Row]:
    return [
        fixed
        | {
            "way": way,
            "seed": seed,
            "queries": int(queries),
            "both_classes": int(both),
            "fit": theorem1_fit_unproved(
                int(both), num_nodes=fixed["num_nodes"], cut_size=cut.size, num_cut_components=cut.num_components
            ),
        }
        for seed, (queries, both) in enumerate(zip(search.certified, search.both_classes, strict=True))
    ]


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Reads how queries grow with N and compares each way of searching with what is said of it."""
    growth = {way: _growth(rows, way) for way in (BY_RULE, FOREVER)}
    over_fit = {way: _largest_excess(rows, way, "fit") for way in (ACROSS, FOREVER)}
    over_bound = _largest_excess(rows, S2, "bound")
    settings = {(row["dimension"], row["cut"], row["side"]) for row in rows}
    beside = [_mean(rows, FOREVER, setting) / _mean(rows, S2, setting) for setting in settings]
    return [
        Verdict(
            "Theorem 1 as printed, with T = log_K N: queries beyond the cut grow like log N.",
            _LIKE_LOG,
            growth[BY_RULE] <= 1.5,
            f"They grow {growth[BY_RULE]:.2f} times as much as log N does.",
        ),
        Verdict(
            "With T = infinity they do, on a line.",
            _LIKE_LOG,
            growth[FOREVER] <= 1.5,
            f"They grow {growth[FOREVER]:.2f} times as much as log N does.",
        ),
        *(
            Verdict(
                f"With {way}, n_both + 1.45 |dC| + m log2 N queries are enough on average (fitted, unproved).",
                "In no setting does the mean number of queries exceed it.",
                excess <= 0,
                f"The mean lies {_away(excess)} where it comes closest or exceeds it most.",
            )
            for way, excess in over_fit.items()
        ),
        Verdict(
            "S2 finds the cut within its bound.",
            "In no setting does its mean number of queries exceed the bound.",
            over_bound <= 0,
            f"The mean lies {_away(over_bound)} where it comes closest or exceeds it most.",
        ),
        Verdict(
            "Diffusion in the limit needs no more queries than S2.",
            "In every setting its mean is at most that of S2.",
            max(beside) <= 1,
            f"It needs {min(beside):.2f} to {max(beside):.2f} times as many.",
        ),
    ]


def _growth(rows: Sequence[Row], way: str) -> float:
    """Returns by how much queries beyond the cut grow on the line, in proportion to log N."""
    sizes = sorted({row["side"] for row in rows if row["dimension"] == 1})
    first, last = (
        max(_mean(rows, way, (1, "half", side)) - next(r["cut_size"] for r in rows if r["dimension"] == 1), 1e-9)
        for side in (sizes[0], sizes[-1])
    )
    return (last / first) / (math.log(sizes[-1]) / math.log(sizes[0]))


def _largest_excess(rows: Sequence[Row], way: str, limit: str) -> float:
    """Returns the largest excess of mean queries over a mean limit, over all settings."""
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        if row["way"] == way:
            groups.setdefault((row["dimension"], row["cut"], row["side"]), []).append(row)
    return max(
        float(np.mean([row["queries"] for row in group]) - np.mean([row[limit] for row in group]))
        for group in groups.values()
    )


def _mean(rows: Sequence[Row], way: str, setting: tuple) -> float:
    return float(
        np.mean(
            [
                row["queries"]
                for row in rows
                if row["way"] == way and (row["dimension"], row["cut"], row["side"]) == setting
            ]
        )
    )


def _away(excess: float) -> str:
    return f"{abs(excess):.1f} {'above' if excess > 0 else 'below'} it"
