"""Labels that their neighbourhood contradicts, each judged by all labels but itself.

`left_one_out` is exact and costs little more than one diffusion. Taking label i away changes only the walks that meet
i first. Such a walk from i is back at i after s steps with chance r_s and goes on as if it started there, with T - s
steps left. With A_t the mass that i gets within t steps from the other labels before any return,

    F_t = A_t + sum_s r_s F_{t-s}.

A_t is what one diffusion with i in place brings to i's neighbours, less what of it is i's own: r_1 + ... + r_t. And
r_s is a product of the first half of such a walk with its second half, each no longer than T / 2 steps, so that only
small neighbourhoods are looked at instead of one diffusion of the whole pool for each label.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Float, Int

from ddal_jax import array_checks, checks
from ddal_jax.graph.types import AnyGraph, check_graph

# A label's own mass is taken out of a sum in float64; what is left below this is rounding.
_ROUNDING = 1e-14
_LABELS_AT_ONCE = 256
# Where classes meet, the others outweigh a right label as often as not; nearly all against it is rare.
_LEAST_DOUBT = 0.9


class Suspects(NamedTuple):
    """Labelled points that the other labels contradict, the most doubtful first.

    Attributes:
      rows: of the pool, int64.
      given: the label each has, int32.
      implied: the class that most of the other labels' mass is of, int32.
      doubt: share of that mass that is not of the given class, in (0.9, 1], float64.
      mass: all of that mass, the probability that a walk of T steps meets another label, in (0, 1], float64.
    """

    rows: Int[np.ndarray, " s"]
    given: Int[np.ndarray, " s"]
    implied: Int[np.ndarray, " s"]
    doubt: Float[np.ndarray, " s"]
    mass: Float[np.ndarray, " s"]


def suspects(graph: AnyGraph, labels: Int[np.ndarray, " n"], *, num_classes: int, num_steps: int) -> Suspects:
    """Finds labels that the others contradict.

    A label is suspected if, were it not known, more than nine tenths of the mass that reaches its point would be of
    other classes, and one of them would have more than the given one. The mere majority will not do: queries ask where
    classes meet, and there it contradicts a third of the right labels. Equal doubts are ordered by the mass behind
    them, more first. A point that no other label reaches is never suspected, nor is the only label of its class, for
    which no other could speak.

    The bound was chosen on five campaigns on scikit-learn's digits, default rounds of 20, all labels right or one in
    ten wrong, so that less than 5 % of the right labels are suspected. On five other campaigns it suspected 3 to 4 % of
    the right ones of 100 labels and 1 % of 200, and found 87 and 96 % of the wrong ones; of the labels it named 74 and
    86 % were wrong. With fewer labels false alarms are more frequent: of 40, 14 to 16 % of the right ones.

    Args:
      graph: of the pool.
      labels: class of each row, -1 = unlabelled.
      num_classes: C.
      num_steps: T.

    Raises:
      ValueError: labels outside [-1, C - 1], another number of them than the graph has nodes.
      TypeError: labels that are no integers, `graph` is no graph.
    """
    labels = np.asarray(labels)
    rows = np.flatnonzero(labels >= 0)
    given = labels[rows].astype(np.int32)
    mass = left_one_out(graph, labels, num_classes=num_classes, num_steps=num_steps)
    total, own = mass.sum(axis=1), mass[np.arange(len(rows)), given]
    implied = mass.argmax(axis=1).astype(np.int32)
    doubt = 1 - own / np.where(total > 0, total, 1)
    has_company = np.bincount(given, minlength=num_classes)[given] > 1
    contradicted = np.flatnonzero(has_company & (mass.max(axis=1, initial=0) > own) & (doubt > _LEAST_DOUBT))
    order = contradicted[np.lexsort((-total[contradicted], -doubt[contradicted]))]
    return Suspects(rows[order], given[order], implied[order], doubt[order], total[order])


def left_one_out(
    graph: AnyGraph, labels: Int[np.ndarray, " n"], *, num_classes: int, num_steps: int
) -> Float[np.ndarray, "l c"]:
    """Returns the mass that each labelled point would get within T steps from the other labels.

    Row by row the same as `diffuse` with that one label taken away, in float64; exactly 0 where no other label lies
    within T hops. One row for each labelled point, in the order of the pool. Arguments and errors as in `suspects`.
    """
    check_graph("graph", graph)
    labels = np.asarray(labels)
    checks.length("labels", labels, graph.degrees.shape[0], "node")
    array_checks.labels("labels", labels, num_classes=num_classes, low=-1)
    num_steps = checks.integer("num_steps", num_steps, low=0)
    known, free = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
    walk = _transition(graph)
    parts = _Parts(walk[known][:, known], walk[known][:, free], walk[free][:, known], walk[free][:, free])
    classes = np.eye(num_classes)[labels[known]]
    arriving = _first_hits(parts, classes, num_steps)
    returns = _first_returns(parts, num_steps)
    own = (slice(None), np.arange(len(known)), labels[known])
    arriving[own] -= returns
    arriving[own] = np.where(arriving[own] < _ROUNDING, 0, arriving[own])
    before_return = arriving.cumsum(axis=0)
    mass = np.zeros((num_steps + 1, *classes.shape))
    for step in range(1, num_steps + 1):
        renewed = sum(returns[s - 1][:, None] * mass[step - s] for s in range(1, step + 1))
        mass[step] = before_return[step - 1] + renewed
    return mass[num_steps]


class _Parts(NamedTuple):
    """The walk's matrix M, cut by what is labelled (l) and what is free (f)."""

    ll: Any
    lf: Any
    fl: Any
    ff: Any


def _transition(graph: AnyGraph) -> Any:
    """Returns M as a sparse matrix in float64."""
    neighbors, weights, owners, degrees = map(np.asarray, graph)
    rows = np.repeat(owners, neighbors.shape[1])
    is_edge = weights.ravel() > 0
    entries = (weights.ravel()[is_edge].astype(np.float64), (rows[is_edge], neighbors.ravel()[is_edge]))
    edges = scipy.sparse.csr_array(entries, shape=(len(degrees), len(degrees)))
    totals = edges.sum(axis=1)
    return scipy.sparse.diags_array(1 / np.where(totals > 0, totals, 1)) @ edges


def _first_hits(parts: _Parts, classes: Float[np.ndarray, "l c"], num_steps: int) -> Float[np.ndarray, "t l c"]:
    """Returns the chance that a walk from each label meets its first label, be it itself, at step 1, ..., T."""
    hits = np.zeros((num_steps, *classes.shape))
    arriving = parts.fl @ classes
    for step in range(num_steps):
        hits[step] = parts.lf @ arriving if step else parts.ll @ classes
        arriving = parts.ff @ arriving if step else arriving
    return hits


def _first_returns(parts: _Parts, num_steps: int) -> Float[np.ndarray, "t l"]:
    """Returns the chance that a walk from each label meets itself as its first label, at step 1, ..., T."""
    num_known = parts.lf.shape[0]
    returns = np.zeros((num_steps, num_known))
    backward = parts.ff.T.tocsr()
    for start in range(0, num_known, _LABELS_AT_ONCE):
        some = slice(start, start + _LABELS_AT_ONCE)
        out, home = parts.lf[some], parts.fl[:, some].T.tocsr()
        for step in range(1, num_steps):
            returns[step, some] = (out * home).sum(axis=1)
            if step % 2:
                out = out @ parts.ff
            else:
                home = home @ backward
    return returns
