"""The minimal normalised cut: the quotient of Eq. (7) and (12), the sign cut of phi_2, the cut of a diffused labelling.

For a set A of nodes and the rest B, vol sums degrees and cut sums the weights in between. The normalised cut,
cut / vol(A) + cut / vol(B), is exactly the Rayleigh quotient of A's indicator, so that no cut is below the minimum over
all signals: 1 - lambda_2 <= min over A, the relaxation that the paper rests on. Nothing holds in the other direction
for the sign cut of phi_2: a relaxed optimum need not round to the best cut, let alone to the boundary of a class.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.diffusion import checked_signal, reach
from ddal_jax.graph.components import symmetric
from ddal_jax.graph.types import Graph
from ddal_jax.theory.angles import Vector, inner, node_values, numbers, varying


class LabelingCut(NamedTuple):
    """What a diffused labelling cuts.

    Attributes:
      classes: the class with the most mass, the lowest of equals; -1 where no label reaches.
      weight: of the edges whose ends have different classes.
      normalized: sum over the classes found of the weight that leaves a class for another, divided by its volume;
        infinite when fewer than two classes are found. For two classes that reach every node, `normalized_cut`.
      unreached: share of the volume where no label reaches. Such nodes belong to no side: an edge to one is not cut.
    """

    classes: Int[Array, " n"]
    weight: Float[Array, ""]
    normalized: Float[Array, ""]
    unreached: Float[Array, ""]


def rayleigh_quotient(graph: Graph, signal: Vector) -> Float[Array, ""]:
    """Returns h' L h / h' D h, the degree-weighted mean of h taken out first, as the constraint h' D 1 = 0 asks.

    It lies in [1 - lambda_2, 2] and is 1 - lambda_2 at phi_2. Infinite for a constant, which the constraint excludes.

    Args:
      graph: symmetric.
      signal: h.

    Raises:
      ValueError: a signal of another length than the graph, or not finite.
      TypeError: `graph` is no symmetric graph, `signal` holds no real numbers.

    Paper: Eq. (7) and (12).
    """
    return _rayleigh_quotient(symmetric("graph", graph), node_values("signal", graph, signal))


def sign_cut(phi: Vector) -> Bool[Array, " n"]:
    """Returns the side of each node in the sign cut: True where phi is positive; zeros go to the other side."""
    phi = numbers("phi", phi)
    checks.rank("phi", phi, 1, "[n]")
    return phi > 0


def cut_weight(graph: Graph, side: Vector) -> Float[Array, ""]:
    """Returns the weight of the edges between a side and the rest.

    Args:
      graph: symmetric.
      side: True on one side.

    Raises:
      ValueError: a mask of another length than the graph.
      TypeError: `graph` is no symmetric graph, a mask that is not boolean.
    """
    return _cut_weight(symmetric("graph", graph), _side(graph, side))


def volume(graph: Graph, side: Vector) -> Float[Array, ""]:
    """Returns the sum of the degrees on a side; arguments and refusals as in `cut_weight`."""
    return _volume(symmetric("graph", graph), _side(graph, side))


def normalized_cut(graph: Graph, side: Vector) -> Float[Array, ""]:
    """Returns cut / vol(A) + cut / vol(B), at least 1 - lambda_2; infinite when one side has no volume.

    Arguments and refusals as in `cut_weight`.

    Paper: what Eq. (7) relaxes.
    """
    return _normalized_cut(symmetric("graph", graph), _side(graph, side))


def cut_of_labeling(graph: Graph, mass: Shaped[jax.typing.ArrayLike, "n c"]) -> LabelingCut:
    """Measures the cut between the classes that diffused mass gives to the nodes.

    Args:
      graph: symmetric.
      mass: from `diffuse` or `harmonic`.

    Raises:
      ValueError: mass that does not lie on the nodes of the graph, or is not finite.
      TypeError: `graph` is no symmetric graph, `mass` holds no real numbers.

    Paper: Eq. (12) beside the cases formula of Section III.
    """
    return _cut_of_labeling(symmetric("graph", graph), checked_signal("mass", graph, mass))


def _side(graph: Graph, side: Vector) -> Bool[Array, " n"]:
    return array_checks.boolean_mask("side", side, graph.degrees.shape[0])


@jax.jit
def _rayleigh_quotient(graph: Graph, signal: Float[Array, " n"]) -> Float[Array, ""]:
    centered = varying(graph, signal)
    size = inner(graph, centered, centered)
    # Summed by edges, each from both ends: h' L h cannot come out negative.
    rises = centered[graph.owners][:, None] - centered[graph.neighbors]
    energy = jnp.sum(graph.weights * rises * rises) / 2
    return jnp.where(size > 0, energy / jnp.where(size > 0, size, 1.0), jnp.inf)


@jax.jit
def _cut_weight(graph: Graph, side: Bool[Array, " n"]) -> Float[Array, ""]:
    crosses = side[graph.owners][:, None] != side[graph.neighbors]
    return jnp.sum(jnp.where(crosses, graph.weights, 0.0)) / 2


@jax.jit
def _volume(graph: Graph, side: Bool[Array, " n"]) -> Float[Array, ""]:
    return jnp.sum(jnp.where(side, graph.degrees, 0.0))


@jax.jit
def _normalized_cut(graph: Graph, side: Bool[Array, " n"]) -> Float[Array, ""]:
    volumes = jnp.stack([_volume(graph, side), _volume(graph, ~side)])
    return _sum_of_shares(jnp.broadcast_to(_cut_weight(graph, side), (2,)), volumes)


def _sum_of_shares(weights: Float[Array, " c"], volumes: Float[Array, " c"]) -> Float[Array, ""]:
    found = volumes > 0
    shares = jnp.where(found, weights / jnp.where(found, volumes, 1.0), 0.0)
    return jnp.where(found.sum() >= 2, jnp.sum(shares), jnp.inf)


@jax.jit
def _cut_of_labeling(graph: Graph, mass: Float[Array, "n c"]) -> LabelingCut:
    num_classes = mass.shape[1]
    reached = reach(mass) > 0
    # The unreached stand as one more class, left out of every sum.
    classes = jnp.where(reached, mass.argmax(axis=1), num_classes).astype(jnp.int32)
    own, other = classes[graph.owners], classes[graph.neighbors]
    crosses = (own[:, None] != other) & (other < num_classes)
    leaving = jnp.sum(jnp.where(crosses, graph.weights, 0.0), axis=1)
    leaving = jax.ops.segment_sum(leaving, own, num_segments=num_classes + 1)[:num_classes]
    volumes = jax.ops.segment_sum(graph.degrees, classes, num_segments=num_classes + 1)
    total = jnp.sum(volumes)
    return LabelingCut(
        jnp.where(reached, classes, -1),
        jnp.sum(leaving) / 2,
        _sum_of_shares(leaving, volumes[:num_classes]),
        jnp.where(total > 0, volumes[num_classes] / jnp.where(total > 0, total, 1.0), 0.0),
    )
