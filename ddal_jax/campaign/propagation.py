"""What the labels so far say of the whole pool: the labels of a campaign, diffused to every point."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from ddal_jax import checks
from ddal_jax.diffusion import diffuse, label_mass, reach
from ddal_jax.graph.hops import nearest_labels
from ddal_jax.graph.types import AnyGraph, check_graph


class Propagated(NamedTuple):
    """What the known labels say of each point; of a labelled one, its own label.

    Attributes:
      mass: diffused label mass F, float32.
      probabilities: of the classes, given that a walk meets a label, F / a, float32; uniform where no label reaches.
        How likely that is tells `reach`; were it not set apart, what no walk brings would be spread evenly, and the
        probabilities of points far from labels would be low however plain their class.
      predicted: class with the most mass, the lower code where two have the same, int32; -1 where no label reaches.
      runner_up: class with the second most, int32; -1 where fewer than two classes reach.
      reach: probability that a walk of T steps meets a label, float32; 0 exactly where none lies within T hops.
      hops: edges to the nearest label, int32; 0 at labelled points, -1 where no label reaches.
      nearest_labeled: row of that label, int32; -1 where no label reaches.
    """

    mass: Float[np.ndarray, "n c"]
    probabilities: Float[np.ndarray, "n c"]
    predicted: Int[np.ndarray, " n"]
    runner_up: Int[np.ndarray, " n"]
    reach: Float[np.ndarray, " n"]
    hops: Int[np.ndarray, " n"]
    nearest_labeled: Int[np.ndarray, " n"]


def propagate(
    graph: AnyGraph,
    labels: Int[np.ndarray, " n"],
    *,
    num_classes: int,
    num_steps: int,
    soft_labels: Shaped[np.ndarray, "n c"] | None = None,
) -> Propagated:
    """Spreads known labels over the pool.

    Memory is N x C; work is O(T N K C).

    Args:
      graph: of the pool.
      labels: class of each row, -1 = unlabelled.
      num_classes: C, at least 1.
      num_steps: T.
      soft_labels: class shares of the labelled rows, which replace the one-hot; other rows are not read.

    Raises:
      ValueError: labels outside [-1, C - 1], shapes that do not fit.
      TypeError: labels that are no integers, `graph` is no graph.
    """
    checks.length("labels", labels, check_graph("graph", graph).degrees.shape[0], "node")
    mass = known_mass(labels, num_classes=num_classes, soft_labels=soft_labels)
    answer = _propagate(graph, mass, np.asarray(labels) >= 0, num_steps=num_steps)
    return Propagated(*jax.device_get(answer))


def named_probabilities(found: Propagated, *, num_named: int) -> Float[np.ndarray, "n _"]:
    """Returns the probabilities of the classes that have names.

    Labels are diffused as if of two classes at least, since others may turn up. While a single one is known it has all
    of the probability, out of reach too: none is left to a class that nobody has seen.
    """
    if num_named == 1:
        return np.ones((len(found.reach), 1), np.float32)
    return found.probabilities[:, :num_named]


def known_mass(
    labels: Int[np.ndarray, " n"], *, num_classes: int, soft_labels: Shaped[np.ndarray, "n c"] | None
) -> Float[Array, "n c"]:
    """Returns the mass that diffusion starts from, and holds on labelled rows."""
    labeled = np.asarray(labels) >= 0
    one_hot = label_mass(labels, labeled, num_classes=num_classes)
    if soft_labels is None:
        return one_hot
    if np.shape(soft_labels) != one_hot.shape:
        raise ValueError(f"soft_labels must have shape {one_hot.shape}; got {np.shape(soft_labels)}.")
    return jnp.asarray(np.where(labeled[:, None], soft_labels, 0), jnp.float32)


@functools.partial(jax.jit, static_argnames="num_steps")
def _propagate(
    graph: AnyGraph, mass: Float[Array, "n c"], labeled: Bool[Array, " n"], *, num_steps: int
) -> tuple[Array, ...]:
    diffused = diffuse(graph, mass, labeled, num_steps=num_steps)
    nearest = nearest_labels(graph, labeled, num_steps=num_steps)
    total = reach(diffused)
    reached = total > 0
    predicted, runner_up = _two_leading_classes(diffused)
    # Where a path is too unlikely for float32, what counts is that no mass arrives.
    hops = jnp.where(reached, nearest.hops, -1)
    sources = jnp.where(reached, nearest.sources, -1)
    return diffused, _shares(diffused, total), predicted, runner_up, total, hops, sources


def _shares(mass: Float[Array, "n c"], total: Float[Array, " n"]) -> Float[Array, "n c"]:
    reached = (total > 0)[:, None]
    return jnp.where(reached, mass / jnp.where(reached, total[:, None], 1.0), 1.0 / mass.shape[1])


def _two_leading_classes(mass: Float[Array, "n c"]) -> tuple[Int[Array, " n"], Int[Array, " n"]]:
    """Returns the classes of the largest and second largest mass; -1 where there is no mass."""
    classes = jnp.arange(mass.shape[1], dtype=jnp.int32)
    first = mass.argmax(axis=1).astype(jnp.int32)
    others = jnp.where(classes[None, :] == first[:, None], 0.0, mass)
    second = others.argmax(axis=1).astype(jnp.int32)
    return jnp.where(mass.max(axis=1) > 0, first, -1), jnp.where(others.max(axis=1) > 0, second, -1)
