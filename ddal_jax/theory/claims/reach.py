"""Section IV-C: how far one label reaches within T steps, beside the K^T that the paper assumes."""

import functools
from collections.abc import Sequence

import jax
import numpy as np

from ddal_jax.data.digits import digits
from ddal_jax.diffusion import recommended_num_steps
from ddal_jax.graph.types import Graph
from ddal_jax.theory.claims.pools import NUM_NEIGHBORS, neighbor_graph
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict
from ddal_jax.theory.reach import assumed_reach, queries_to_cover, reach_by_steps, recommend

# For which K and T are recommended from the graph: labels of a small first budget.
NUM_LABELS = 20


def measure(effort: Effort, own: NamedPool | None) -> list[Row]:
    """Follows the reach of labels on pools of low and of high dimension."""
    num_points = 300 if effort.quick else 2000
    max_steps, num_sources = (6, 64) if effort.quick else (8, 256)
    rows = []
    for pool in _pools(effort, own, num_points):
        graph = neighbor_graph(pool.features)
        num_nodes = len(pool.features)
        num_neighbors = min(NUM_NEIGHBORS, num_nodes - 1)
        key = jax.random.key(effort.seed)
        curve = reach_by_steps(graph, max_steps=max_steps, num_sources=num_sources, key=key)
        by_rule = recommended_num_steps(num_nodes, num_neighbors)
        assumed = assumed_reach(num_neighbors, max_steps=max_steps)
        cover = np.asarray(_cover(jax.random.split(key, effort.num_seeds), graph, num_steps=by_rule))
        fitting = None if effort.quick else recommend(key, pool.features, num_labels=NUM_LABELS)
        for step in range(max_steps + 1):
            row = {"pool": pool.name, "num_points": num_nodes, "num_neighbors": num_neighbors, "step": step}
            row |= {"mean": float(curve.mean[step]), "largest": int(curve.largest[step])}
            row |= {"assumed": float(assumed[step]), "recommended": step == by_rule}
            if step == by_rule:
                row |= {"queries_to_cover": float(cover.mean()), "assumed_queries": num_nodes / float(assumed[step])}
                row |= {
                    "fitting_neighbors": fitting and fitting.num_neighbors,
                    "fitting_steps": fitting and fitting.num_steps,
                }
            rows.append(row)
    return rows


@functools.partial(jax.jit, static_argnames="num_steps")
def _cover(keys, graph: Graph, *, num_steps: int) -> jax.Array:
    return jax.lax.map(functools.partial(queries_to_cover, graph=graph, num_steps=num_steps), keys)


def _pools(effort: Effort, own: NamedPool | None, num_points: int) -> list[NamedPool]:
    rng = np.random.default_rng(effort.seed)
    images = digits(0)
    none = np.zeros(num_points, np.int32)
    pools = [
        NamedPool("uniform in the plane", rng.uniform(size=(num_points, 2)).astype(np.float32), none),
        NamedPool("digits", images.inputs.reshape(len(images.inputs), -1)[:num_points], images.labels[:num_points]),
    ]
    for dimension in (10, 50):
        features = rng.normal(size=(num_points, dimension)).astype(np.float32)
        pools.append(NamedPool(f"one Gaussian, d = {dimension}", features, none))
    return pools if own is None else [*pools, own]


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Compares what labels reach with K^T, and the queries that cover with N / K^T."""
    at_rule = [row for row in rows if row["recommended"]]
    shares = {row["pool"]: row["mean"] / row["num_points"] for row in at_rule}
    worst = max(
        (
            max(
                row["mean"] / min(row["assumed"], row["num_points"]),
                min(row["assumed"], row["num_points"]) / row["mean"],
            )
        )
        for row in rows
    )
    return [
        Verdict(
            "T = log_K N steps carry a label over the graph.",
            "On every pool one label reaches at least half of the nodes within that many steps, on average.",
            min(shares.values()) >= 0.5,
            "Share reached: " + ", ".join(f"{share:.0%} of {name}" for name, share in shares.items()) + ".",
        ),
        Verdict(
            "A label reaches K^T nodes within T steps.",
            "At every T followed and on every pool the mean reach is within a factor of two of min(K^T, N).",
            worst <= 2,
            f"It differs by a factor of up to {worst:.1f}.",
        ),
        Verdict(
            "N / K^T exploratory queries cover the graph: one, at T = log_K N.",
            "On every pool at most two queries leave nothing unreached, on average.",
            max(row["queries_to_cover"] for row in at_rule) <= 2,
            "Queries to cover: "
            + ", ".join(f"{row['queries_to_cover']:.1f} on {row['pool']}" for row in at_rule)
            + ".",
        ),
    ]
