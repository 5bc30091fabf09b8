"""A batch picked in turns: each turn sees what the picks before it have already covered.

A turn re-diffuses one column, the pick mass; points that neither a label nor a pick reaches come first, then the others
by their score and the pick mass added to it. Labels are diffused once a batch, whatever is picked: a pick has no class
yet, and what it would absorb of theirs is left where it is.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, Shaped, UInt32

from ddal_jax import array_checks, checks, scores
from ddal_jax.diffusion import checked_signal, diffuse, reach
from ddal_jax.diversity.masses import clamped_walk, covering_walk
from ddal_jax.diversity.minima import minima_of
from ddal_jax.diversity.order import (
    Lottery,
    draw_lottery,
    first_in_order,
    in_order,
    places,
    score_keys,
    sortable,
)
from ddal_jax.graph.types import AnyGraph
from ddal_jax.scores import Criterion, PickTerm
from ddal_jax.selection import Query

TIES = ("random", "coverage", "wide_coverage")
_USUAL_REDIFFUSIONS = 16
# "wide_coverage": until so many points are known or picked, by walks of so many steps.
_WIDE_UNTIL, _WIDE_STEPS = 10, 128


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchRule:
    """How the turns of a batch go.

    Attributes:
      criterion: from diffused mass to scores.
      pick_term: what the pick mass adds to a score; None adds nothing.
      spread_reached: keep neighbours apart within a turn wherever they are, not among the unreached alone.
      num_rediffusions: R, turns in a batch, at most B of them; None takes 16.
      ties: what orders unreached points: "random", or "coverage", the largest first. "wide_coverage" is "coverage" too,
        but until ten points are known or picked it counts every point as unreached, and walks far.
      num_steps: T.
      num_coverage_steps: steps of the walks of `coverage`; None takes T, and 128 where they walk far.
      num_refine_steps: steps that replace T once nothing that may be asked is unreached; None keeps T.
    """

    criterion: Criterion
    pick_term: PickTerm | None
    spread_reached: bool = True
    num_rediffusions: int | None = None
    ties: str = "random"
    num_steps: int
    num_coverage_steps: int | None = None
    num_refine_steps: int | None = None

    def sizes_of_turns(self, query_size: int) -> list[int]:
        """Returns how many points each turn picks: B in all, the first turns one more where R does not divide B."""
        num_turns = min(self.num_rediffusions or _USUAL_REDIFFUSIONS, query_size)
        size, left = divmod(query_size, num_turns)
        return [size + 1] * left + [size] * (num_turns - left)


def redistribute(
    key: Key[Array, ""] | UInt32[Array, "2"],
    graph: AnyGraph,
    mass: Shaped[jax.typing.ArrayLike, "n c"],
    labeled: Shaped[jax.typing.ArrayLike, " n"],
    eligible: Shaped[jax.typing.ArrayLike, " n"],
    *,
    query_size: int,
    num_steps: int,
    num_rediffusions: int | None = None,
    criterion: Criterion = scores.root_reach_margin,
    ties: str = "random",
    pick_weight: Shaped[jax.typing.ArrayLike, ""] | float = 1.0,
    num_coverage_steps: int | None = None,
    num_refine_steps: int | None = None,
    outstanding: Shaped[jax.typing.ArrayLike, " n"] | None = None,
) -> Query:
    """Picks a batch in R turns, each with the picks before it clamped as absorbers that have no class.

    In a turn come first the points that no label and no pick reaches, then the others by criterion plus pick term
    (`scores.PICK_TERMS`). A turn of several picks takes `local_minima` of that order. B are picked exactly: where R
    does not divide B the first turns pick one more. With R = B this is the greedy rule, one pick at a time. Works
    inside a caller's `jit` and `vmap`; T K N (C + 2 R) multiply-adds, nothing of size B N.

    Args:
      key: decides ties; used once.
      graph: neighbourhoods of the pool.
      mass: known labels, from `label_mass`.
      labeled: True where the label is known.
      eligible: True where a point may be asked. Others count as unreached for `coverage`, and for nothing else.
      query_size: B, at least 1. Static.
      num_steps: T, at least 0. Static.
      num_rediffusions: R, at least 1; more than B is B, and None is the smaller of B and 16. Static.
      criterion: a function of `scores` that has a pick term. Static.
      ties: what orders unreached points: "random", or "coverage", the largest first. "wide_coverage" is "coverage" too,
        but a turn begun with fewer than ten labels and picks counts every point as unreached: before any boundary
        is worth refining it asks where most walks pass that have met no label yet. Equal scores and equal coverage
        draw lots. Static.
      pick_weight: factor of the pick mass, at least 0.
      num_coverage_steps: steps of the walks of `coverage`; None takes T, and 128 in such a turn. Static.
      num_refine_steps: once no point that may be asked is unreached, labels and picks are diffused for this many steps
        instead of T, also from the middle of a batch on; None keeps T. Static.
      outstanding: True where a point was asked in an earlier batch and its label has not come: the batch begins as if
        these had been picked in a turn before its first, and asks none of them. None is none.

    Returns:
      The batch in the order picked, each with criterion plus pick term as they were when it was picked. `reached` says
      whether a label lies within T hops.

    Raises:
      ValueError: shapes that do not fit, a criterion without a pick term, an unknown rule for ties, numbers out of
        range.
      TypeError: arguments of a wrong type.

    Beyond the paper, which takes the B lowest scores at once.
    """
    key = array_checks.key("key", key)
    mass = checked_signal("mass", graph, mass)
    num_nodes = mass.shape[0]
    labeled = array_checks.boolean_mask("labeled", labeled, num_nodes)
    eligible = array_checks.boolean_mask("eligible", eligible, num_nodes)
    rule = BatchRule(
        criterion=criterion,
        pick_term=_pick_term_of(criterion),
        num_rediffusions=_optional("num_rediffusions", num_rediffusions, low=1),
        ties=checks.choice("ties", ties, TIES),
        num_steps=checks.integer("num_steps", num_steps, low=0),
        num_coverage_steps=_optional("num_coverage_steps", num_coverage_steps, low=0),
        num_refine_steps=_optional("num_refine_steps", num_refine_steps, low=0),
    )
    query_size = checks.integer("query_size", query_size, low=1)
    weight = _checked_weight(pick_weight)
    if outstanding is not None:
        outstanding = array_checks.boolean_mask("outstanding", outstanding, num_nodes)
    return pick_batch(key, graph, mass, labeled, eligible, weight, outstanding, rule=rule, query_size=query_size)[0]


def _optional(name: str, value: int | None, *, low: int) -> int | None:
    return None if value is None else checks.integer(name, value, low=low)


def _pick_term_of(criterion: Criterion) -> PickTerm:
    if criterion not in scores.PICK_TERMS:
        allowed = ", ".join(known.__name__ for known in scores.PICK_TERMS)
        raise ValueError(
            f"criterion must have a pick term, as {allowed} have; got {getattr(criterion, '__name__', criterion)}."
        )
    return scores.PICK_TERMS[criterion]


def _checked_weight(pick_weight) -> Float[Array, ""]:
    weight = array_checks.real("pick_weight", pick_weight)
    checks.rank("pick_weight", weight, 0, "()")
    if array_checks.is_concrete(weight) and float(weight) < 0:
        raise ValueError(f"pick_weight must be at least 0; got {float(weight)}.")
    return weight


class _Question(NamedTuple):
    """What stays the same through a batch."""

    graph: AnyGraph
    mass: Float[Array, "n c"]
    labeled: Bool[Array, " n"]
    eligible: Bool[Array, " n"]  # and unlabelled
    pick_weight: Float[Array, ""]
    lottery: Lottery
    first: int | Int[Array, ""]  # index of the turn before which nothing is picked; -1 where there is none


class _Turn(NamedTuple):
    """What a turn leaves to the next."""

    picked: Bool[Array, " n"]  # and outstanding
    refined: Bool[Array, ""]  # whether T has been replaced
    diffused: Float[Array, "n c"]


@functools.partial(jax.jit, static_argnames=("rule", "query_size"))
def pick_batch(
    key: jax.Array,
    graph: AnyGraph,
    mass: Float[Array, "n c"],
    labeled: Bool[Array, " n"],
    eligible: Bool[Array, " n"],
    pick_weight: Float[Array, ""] | float,
    outstanding: Bool[Array, " n"] | None = None,
    *,
    rule: BatchRule,
    query_size: int,
) -> tuple[Query, Float[Array, "n c"]]:
    """Picks a batch by a rule; returns it with the diffused mass that its last scores were read from."""
    n = labeled.shape[0]
    lottery = draw_lottery(key, n)
    first = 0 if outstanding is None else -1
    question = _Question(
        graph, mass, labeled, eligible & ~labeled, jnp.asarray(pick_weight, jnp.float32), lottery, first
    )
    diffused = diffuse(graph, mass, labeled, num_steps=rule.num_steps)
    reached = reach(diffused) > 0
    sizes = rule.sizes_of_turns(query_size)

    def take_turn(turn: _Turn, step):
        index, size = step
        return _take_turn(question, turn, index, size, rule=rule, width=sizes[0])

    picked = jnp.zeros(n, bool) if outstanding is None else outstanding & ~labeled
    start = _Turn(picked, jnp.asarray(False), diffused)
    steps = (jnp.arange(len(sizes), dtype=jnp.int32), jnp.asarray(sizes, jnp.int32))
    turn, (indices, values) = lax.scan(take_turn, start, steps)
    # Turns are as wide as the first; the places that shorter ones leave are known beforehand.
    used = np.flatnonzero(np.arange(sizes[0]) < np.array(sizes)[:, None])
    indices, values = indices.ravel()[used], values.ravel()[used]
    return Query(indices, values, (indices >= 0) & reached[indices]), turn.diffused


def _take_turn(question: _Question, turn: _Turn, index, size, *, rule: BatchRule, width: int):
    """Picks the points of one turn: `width` places, of which the first `size` are filled."""
    open_ = question.eligible & ~turn.picked
    turn, picks_reach = _diffuse_again(question, turn, open_, index, rule)
    values = rule.criterion(turn.diffused)
    labels_reach = reach(turn.diffused)
    if rule.pick_term is not None:
        values = values + question.pick_weight * rule.pick_term(labels_reach, picks_reach)
    wide = _is_wide(question, turn, rule)
    unreached = ~question.labeled & ~turn.picked & (wide | ((labels_reach == 0) & (picks_reach == 0)))
    keys = [score_keys(values, unreached, open_)]
    if rule.ties != "random":
        keys.append(_coverage_keys(question, turn, unreached, wide, rule))

    if width == 1:
        indices = first_in_order(keys, question.lottery)[None]
    else:
        ranks = places(in_order(keys, question.lottery))
        contested = open_ if rule.spread_reached else open_ & unreached
        indices = minima_of(question.graph, ranks, contested, open_, query_size=width)
    indices = jnp.where(jnp.arange(width) < size, indices, -1)
    picked = turn.picked.at[jnp.where(indices >= 0, indices, turn.picked.shape[0])].set(True, mode="drop")
    return turn._replace(picked=picked), (indices, jnp.where(indices >= 0, values[indices], jnp.nan))


def _diffuse_again(
    question: _Question, turn: _Turn, open_: Bool[Array, " n"], index: Int[Array, ""], rule: BatchRule
) -> tuple[_Turn, Float[Array, " n"]]:
    """Returns the pick mass, and the turn with its labels diffused further if that is due."""
    start = turn.picked.astype(jnp.float32)[:, None]
    clamped = turn.picked | question.labeled
    # Before the first pick there is nothing to walk.
    num_steps = jnp.where(index == question.first, 0, rule.num_steps)
    if rule.num_refine_steps is None:
        return turn, clamped_walk(question.graph, start, start, clamped, num_steps)[:, 0]

    num_steps = jnp.where(turn.refined, rule.num_refine_steps, num_steps)
    picks = clamped_walk(question.graph, start, start, clamped, num_steps)
    explored = ~(open_ & (reach(turn.diffused) == 0) & (picks[:, 0] == 0)).any()
    due = explored & ~turn.refined
    # Loops of no steps cost nothing, under `vmap` too, where both sides of a condition would be computed.
    num_steps = jnp.where(due, rule.num_refine_steps, 0)
    picks = clamped_walk(question.graph, jnp.where(due, start, picks), start, clamped, num_steps)
    diffused = jnp.where(due, question.mass, turn.diffused)
    diffused = clamped_walk(question.graph, diffused, question.mass, question.labeled, num_steps)
    return _Turn(turn.picked, turn.refined | due, diffused), picks[:, 0]


def _is_wide(question: _Question, turn: _Turn, rule: BatchRule) -> Bool[Array, ""]:
    """Tells whether every point counts as unreached in a turn."""
    known = (question.labeled | turn.picked).sum()
    return (known < _WIDE_UNTIL) if rule.ties == "wide_coverage" else jnp.asarray(False)


def _coverage_keys(
    question: _Question, turn: _Turn, unreached: Bool[Array, " n"], wide: Bool[Array, ""], rule: BatchRule
) -> UInt32[Array, " n"]:
    """Returns keys that put the largest coverage first among the unreached, and leave the others tied."""
    num_steps = rule.num_coverage_steps
    if num_steps is None:
        num_steps = rule.num_steps if rule.ties == "coverage" else jnp.where(wide, _WIDE_STEPS, rule.num_steps)
    visits = covering_walk(question.graph, unreached, turn.picked | question.labeled, num_steps)
    return sortable(jnp.where(unreached, -visits, 0.0))
