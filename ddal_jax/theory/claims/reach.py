"""Section IV-C: how far one label reaches within T steps, beside the K^T that the paper assumes."""

from collections.abc import Sequence

import jax
import numpy as np

from ddal_jax.data.digits import digits
from ddal_jax.diffusion import recommended_num_steps
from ddal_jax.theory.claims.pools import NUM_NEIGHBORS, neighbor_graph
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict, grouped, listed, mean_of
from ddal_jax.theory.reach import assumed_reach, queries_to_cover, reach_by_steps, recommend

# For which K and T are recommended from the graph: labels of a small first budget.
NUM_LABELS = 20


def measure(effort: Effort, own: NamedPool | None) -> list[Row]:
    """Follows the reach of labels on pools of low and of high dimension, drawn anew for each seed."""
    rows = []
    for place, seed in enumerate(effort.seeds):
        for pool in _pools(effort, own, seed):
            rows += _follow(effort, pool, place)
    return rows


def _follow(effort: Effort, pool: NamedPool, seed: int) -> list[Row]:
    max_steps, num_sources = (6, 64) if effort.quick else (8, 256)
    num_points = len(pool.features)
    num_neighbors = min(NUM_NEIGHBORS, num_points - 1)
    by_rule = recommended_num_steps(num_points, num_neighbors)
    assumed = assumed_reach(num_neighbors, max_steps=max_steps)
    graph, key = neighbor_graph(pool.features), jax.random.key(effort.seed + seed)
    curve = reach_by_steps(graph, max_steps=max_steps, num_sources=num_sources, key=key)
    fixed = {"pool": pool.name, "num_points": num_points, "num_neighbors": num_neighbors, "seed": seed}
    rows = [
        fixed
        | {"step": step, "mean": float(curve.mean[step]), "largest": int(curve.largest[step])}
        | {"assumed": float(assumed[step]), "recommended": step == by_rule}
        for step in range(max_steps + 1)
    ]
    covering = int(queries_to_cover(key, graph, num_steps=by_rule))
    rows[by_rule] |= {"queries_to_cover": covering, "assumed_queries": num_points / float(assumed[by_rule])}
    if seed == 0 and not effort.quick:
        fitting = recommend(key, pool.features, num_labels=NUM_LABELS)
        rows[by_rule] |= {"fitting_neighbors": fitting.num_neighbors, "fitting_steps": fitting.num_steps}
    return rows


def _pools(effort: Effort, own: NamedPool | None, seed: int) -> list[NamedPool]:
    num_points = 300 if effort.quick else 2000
    rng = np.random.default_rng(seed)
    images = digits(seed)
    none = np.zeros(num_points, np.int32)
    pools = [
        NamedPool("uniform in the plane", rng.uniform(size=(num_points, 2)).astype(np.float32), none),
        NamedPool("digits", images.inputs[:num_points], images.labels[:num_points]),
    ]
    for dimension in (10, 50):
        features = rng.normal(size=(num_points, dimension)).astype(np.float32)
        pools.append(NamedPool(f"one Gaussian, d = {dimension}", features, none))
    return pools if own is None else [*pools, own]


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Compares what labels reach with K^T, and the queries that cover with N / K^T, on average over the draws."""
    shares, covering = {}, {}
    for (pool,), own in grouped([row for row in rows if row["recommended"]], "pool").items():
        shares[pool] = mean_of(own, "mean") / own[0]["num_points"]
        covering[pool] = mean_of(own, "queries_to_cover")
    farthest = max(_factor(row["mean"], min(row["assumed"], row["num_points"])) for row in rows)
    return [
        Verdict(
            "T = log_K N steps carry a label over the graph.",
            "On every pool one label reaches at least half of the nodes within that many steps, on average.",
            min(shares.values()) >= 0.5,
            "Share reached: " + listed(shares, ".0%"),
        ),
        Verdict(
            "A label reaches K^T nodes within T steps.",
            "At every T followed and in every draw the mean reach is within a factor of two of min(K^T, N).",
            farthest <= 2,
            f"It differs by a factor of up to {farthest:.1f}.",
        ),
        Verdict(
            "N / K^T exploratory queries cover the graph: one, at T = log_K N.",
            "On every pool at most two queries leave nothing unreached, on average.",
            max(covering.values()) <= 2,
            "Queries to cover: " + listed(covering, ".1f"),
        ),
    ]


def _factor(a: float | int, b: float | int) -> float:
    return max(a / b, b / a)
