"""Theorem 1: how many queries find a cut through a grid, by diffusion, by S2, at random, beside the bounds."""

import math
from collections.abc import Mapping, Sequence

from ddal_jax.diffusion import recommended_num_steps
from ddal_jax.theory.bounds import s2_bound, theorem1_as_printed, theorem1_fit_unproved
from ddal_jax.theory.claims.pools import keys_of
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict, grouped, mean_of
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
    keys = keys_of(effort)
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
    of_way = {way: grouped(own, "dimension", "cut", "side") for (way,), own in grouped(rows, "way").items()}
    growth = {way: _growth(of_way[way]) for way in (BY_RULE, FOREVER)}
    over_fit = {way: _largest_excess(of_way[way], "fit") for way in (ACROSS, FOREVER)}
    over_bound = _largest_excess(of_way[S2], "bound")
    beside = [mean_of(own, "queries") / mean_of(of_way[S2][place], "queries") for place, own in of_way[FOREVER].items()]
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


def _growth(settings: Mapping[tuple, Sequence[Row]]) -> float:
    """Returns by how much queries beyond the cut grow on the line, in proportion to log N."""
    line = {side: own for (dimension, _, side), own in settings.items() if dimension == 1}
    shortest, longest = min(line), max(line)
    first, last = (
        max(mean_of(line[side], "queries") - line[side][0]["cut_size"], 1e-9) for side in (shortest, longest)
    )
    return (last / first) / (math.log(longest) / math.log(shortest))


def _largest_excess(settings: Mapping[tuple, Sequence[Row]], limit: str) -> float:
    """Returns the largest excess of mean queries over a mean limit."""
    return max(mean_of(own, "queries") - mean_of(own, limit) for own in settings.values())


def _away(excess: float) -> str:
    return f"{abs(excess):.1f} {'above' if excess > 0 else 'below'} it"
