"""Proposition 2: the eigenproblem of walk and Laplacian, solved without forming either."""

from collections.abc import Sequence

import jax
import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from ddal_jax.diffusion import walk
from ddal_jax.graph.table import weighted_sums
from ddal_jax.graph.types import Graph
from ddal_jax.theory.claims.pools import NUM_PAIRS, PRECISION, graphs, leading_pairs
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict

TOLERANCE = 10 * PRECISION


def measure(effort: Effort, own: NamedPool | None) -> list[Row]:
    """Solves for the leading pairs of each graph and measures what they miss, ARPACK beside them."""
    rows = []
    for named in graphs(effort, own):
        graph = named.graph
        found = leading_pairs(graph, jax.random.key(effort.seed))
        values, vectors = np.asarray(found.eigenvalues), np.asarray(found.eigenvectors)
        degrees = np.asarray(graph.degrees)[:, None]
        of_walk = np.asarray(walk(graph, vectors)) - values * vectors
        laplacian = degrees * vectors - np.asarray(jax.jit(weighted_sums)(graph, found.eigenvectors))
        of_laplacian = laplacian - (1 - values) * degrees * vectors
        arpack = _arpack(graph)
        products = np.abs(vectors.T @ (degrees * vectors) - np.eye(NUM_PAIRS))
        rows += [
            {
                "graph": named.name,
                "num_nodes": len(degrees),
                "pair": pair,
                "eigenvalue": float(values[pair]),
                "walk_residual": float(np.sqrt((degrees[:, 0] * of_walk[:, pair] ** 2).sum())),
                "laplacian_residual": float(np.sqrt((of_laplacian[:, pair] ** 2 / degrees[:, 0]).sum())),
                "arpack_difference": float(abs(values[pair] - arpack[pair])),
                "orthogonality": float(products[pair].max()),
            }
            for pair in range(NUM_PAIRS)
        ]
    return rows


def _arpack(graph: Graph) -> np.ndarray:
    owners = np.broadcast_to(np.asarray(graph.owners)[:, None], graph.neighbors.shape).ravel()
    roots = np.sqrt(np.asarray(graph.degrees))
    ends, n = np.asarray(graph.neighbors).ravel(), len(roots)
    entries = np.asarray(graph.weights).ravel() / (roots[owners] * roots[ends])
    matrix = scipy.sparse.csr_matrix((entries, (owners, ends)), shape=(n, n))
    start = np.random.default_rng(0).normal(size=n)
    values = scipy.sparse.linalg.eigsh(matrix, k=NUM_PAIRS, which="LA", v0=start, return_eigenvectors=False)
    return np.sort(np.asarray(values))[::-1]


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Holds M phi = lambda phi and L phi = (1 - lambda) D phi against what was missed."""
    missed = {
        "M phi = lambda phi": max(row["walk_residual"] for row in rows),
        "L phi = (1 - lambda) D phi": max(row["laplacian_residual"] for row in rows),
        "Phi' D Phi = I": max(row["orthogonality"] for row in rows),
        "lambda as ARPACK finds it": max(row["arpack_difference"] for row in rows),
    }
    worst = max(missed.values())
    return [
        Verdict(
            "The pairs of M are those of L phi = (1 - lambda) D phi, real and orthonormal by degrees (W symmetric).",
            f"On every graph and pair each of these misses by at most {TOLERANCE:g}: {'; '.join(missed)}.",
            worst <= TOLERANCE,
            "; ".join(f"{name}: {value:.1e}" for name, value in missed.items()) + ".",
        )
    ]
