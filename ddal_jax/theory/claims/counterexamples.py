"""Small graphs on which what is printed fails, each worked out by the library's own functions."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ddal_jax import scores
from ddal_jax.diffusion import diffuse, label_mass, reach, signed, walk
from ddal_jax.graph.affinity import affinity
from ddal_jax.graph.components import symmetric
from ddal_jax.graph.edges import graph_from_edges
from ddal_jax.graph.knn import knn_graph
from ddal_jax.graph.types import DirectedGraph, Graph
from ddal_jax.limit import harmonic
from ddal_jax.theory.angles import centered_cosine, cosine
from ddal_jax.theory.claims.pools import all_pairs
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict
from ddal_jax.theory.convergence import power_iteration


class Counterexample(NamedTuple):
    """A case in which a claim fails.

    Attributes:
      claim: what is printed.
      expected: what the measured number would be.
      limit: the failure shows if the number stays below this.
      measure: works the number out.
    """

    claim: str
    expected: float
    limit: float
    measure: Callable[[], float]


def measure(effort: Effort, own: NamedPool | None) -> list[Row]:
    """Works out every counterexample; nothing is random."""
    del effort, own
    rows = []
    for name, case in COUNTEREXAMPLES.items():
        measured = float(case.measure())
        rows.append(
            {
                "name": name,
                "claim": case.claim,
                "expected": case.expected,
                "limit": case.limit,
                "measured": measured,
                "shown": measured < case.limit,
            }
        )
    return rows


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Gives each claim its verdict: it holds where its counterexample shows no failure."""
    return [
        Verdict(
            f"{row['claim']} ({row['name']})",
            f"The measured number, {row['expected']:g} if this were so, is at least {row['limit']:g}.",
            row["measured"] >= row["limit"],
            f"It is {row['measured']:.3g}.",
        )
        for row in rows
    ]


def _graph(edges: Sequence[tuple[int, int]], num_nodes: int) -> Graph:
    senders, receivers = np.array(edges).T
    return symmetric("graph", graph_from_edges(senders, receivers, np.ones(len(edges)), num_nodes=num_nodes))


def _path(n: int) -> Graph:
    return _graph([(i, i + 1) for i in range(n - 1)], n)


def _two_complete(first: int, second: int) -> Graph:
    """Two complete graphs joined by an edge between the last of one and the first of the other."""
    within = [(i, j) for i in range(first) for j in range(i)]
    within += [(first + i, first + j) for i in range(second) for j in range(i)]
    return _graph([*within, (first - 1, first)], first + second)


def _limit(graph: Graph, positive: Sequence[int], negative: Sequence[int]) -> jax.Array:
    n = graph.degrees.shape[0]
    labels = np.isin(np.arange(n), positive).astype(np.int32)
    labeled = np.isin(np.arange(n), [*positive, *negative])
    mass = harmonic(graph, label_mass(labels, labeled, num_classes=2), labeled, tolerance=1e-12).mass
    return mass[:, 1] - mass[:, 0]


def _phi(graph: Graph) -> np.ndarray:
    return all_pairs(graph)[1][:, 1]


def _limit_cosine(graph: Graph, positive: Sequence[int], negative: Sequence[int]) -> float:
    return abs(float(centered_cosine(graph, _limit(graph, positive, negative), _phi(graph))))


def _unbalanced_cosine() -> float:
    graph = _two_complete(4, 36)
    return abs(float(cosine(graph, _limit(graph, [0], [39]), _phi(graph))))


def _bipartite_cosine() -> float:
    graph = _path(20)
    start = np.random.default_rng(0).normal(size=20)
    trace = power_iteration(graph, start, _phi(graph)[:, None], num_steps=3000, laziness=0.0)
    return float(trace.cosines[-1])


def _share_of_real_eigenvectors() -> float:
    points = np.array([[0.0], [1.0], [1.9], [2.7]])
    graph = affinity(knn_graph(points, num_neighbors=1), symmetrize="none")
    vectors = np.linalg.eig(np.asarray(walk(graph, np.eye(4)), np.float64))[1]
    return float(np.linalg.matrix_rank(vectors, tol=1e-6)) / 4


def _reached_by_a_label_nobody_lists() -> float:
    directed = graph_from_edges(np.array([0, 1, 2]), np.array([1, 2, 1]), np.ones(3), num_nodes=3, directed=True)
    assert isinstance(directed, DirectedGraph)
    labeled = np.arange(3) == 0
    mass = diffuse(directed, label_mass(np.zeros(3, np.int32), labeled, num_classes=1), labeled, num_steps=10)
    return float(jnp.mean(reach(mass)[1:] > 0))


def _magnitude_at_the_middle() -> float:
    """Measures chi at the middle of a path of nine whose ends have opposite labels: reached, yet exactly zero."""
    labels = (np.arange(9) == 8).astype(np.int32)
    labeled = np.isin(np.arange(9), [0, 8])
    mass = diffuse(_path(9), label_mass(labels, labeled, num_classes=2), labeled, num_steps=4)
    return float(jnp.where(reach(mass)[4] > 0, jnp.abs(signed(mass)[4]).min(), jnp.inf))


def _doubt_of_ten_even_classes() -> float:
    """Measures how much surer Eq. (6) is of ten even classes than of one that holds a half."""
    even, half = jnp.full((1, 10), 0.1), jnp.asarray([[0.5, *[0.5 / 9] * 9]])
    return float(scores.min_abs(half)[0] - scores.min_abs(even)[0])


COUNTEREXAMPLES: dict[str, Counterexample] = {
    "path of 8, neighbours 0 and 1 labelled + and -": Counterexample(
        "The clamped iteration tends to phi_2: centred cosine", 1.0, 0.5, lambda: _limit_cosine(_path(8), [0], [1])
    ),
    "path of 8, labels +, -, + at 0, 3, 7": Counterexample(
        "The clamped iteration tends to phi_2: centred cosine", 1.0, 0.5, lambda: _limit_cosine(_path(8), [0, 7], [3])
    ),
    "two complete graphs of 4, both labels in one": Counterexample(
        "The clamped iteration tends to phi_2: centred cosine",
        1.0,
        0.1,
        lambda: _limit_cosine(_two_complete(4, 4), [0], [1]),
    ),
    "complete graphs of 4 and 36, a label in each": Counterexample(
        "The clamped iteration tends to phi_2 as it stands, nothing centred: cosine", 1.0, 0.2, _unbalanced_cosine
    ),
    "path of 20, which is bipartite": Counterexample(
        "The plain power iteration, constants out, tends to phi_2: cosine", 1.0, 0.5, _bipartite_cosine
    ),
    "points 0, 1, 1.9, 2.7, K = 1": Counterexample(
        "M of the directed Eq. (1) has a basis of eigenvectors: share of directions they span",
        1.0,
        1.0,
        _share_of_real_eigenvectors,
    ),
    "a label that no node lists": Counterexample(
        "A label teaches others, whatever edges lead away from it: share of others reached",
        1.0,
        0.5,
        _reached_by_a_label_nobody_lists,
    ),
    "path of 9, opposite labels at its ends, T = 4": Counterexample(
        "A zero of chi marks an unreached node: |chi| at the middle, which both labels reach",
        1.0,
        1e-9,
        _magnitude_at_the_middle,
    ),
    "ten classes": Counterexample(
        "Eq. (6) measures doubt, as the margin does: score of (1/2, nine times 1/18) less that of ten times 1/10",
        0.444,
        0.0,
        _doubt_of_ten_even_classes,
    ),
}
