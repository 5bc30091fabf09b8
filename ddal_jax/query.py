"""One query on a given graph: diffuse what is known, score what is not, pick a batch of the weakest."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ddal_jax import checks, scores
from ddal_jax.diffusion import diffuse, reach
from ddal_jax.diversity.masses import clamped_walk
from ddal_jax.diversity.redistribution import TIES, BatchRule, pick_batch
from ddal_jax.graph.types import AnyGraph
from ddal_jax.selection import Query, lowest


@dataclasses.dataclass(frozen=True, kw_only=True)
class QuerySettings:
    """How points are picked.

    Attributes:
      criterion: a name from `ddal_jax.scores`; "redistribute" takes those with a pick term.
      diversity: the batch rule. "none" takes the lowest scores at once, as the paper does. "redistribute" picks in
        turns, each with the picks before it clamped as absorbers (`diversity.redistribute`). "local_minima" is a single
        turn. "coverage" picks in turns too, but the picks only tell what is still unreached; scores stay as they are.
      ties: what orders unreached points, "random", "coverage" or "wide_coverage", which counts all points as unreached
        until ten are known (`diversity.redistribute`). The rule "coverage" takes "coverage" for "random"; the other
        two make that rule of "none".
      num_rediffusions: R, turns of "redistribute" and "coverage"; None is the smaller of B and 16. The others have
        none.
      num_refine_steps: steps that replace T once nothing that may be asked is unreached; None keeps T.
    """

    criterion: str = "root_reach_margin"
    diversity: str = "redistribute"
    ties: str = "random"
    num_rediffusions: int | None = None
    num_refine_steps: int | None = None

    def __post_init__(self) -> None:
        checks.choice("criterion", self.criterion, scores.CRITERIA)
        checks.choice("diversity", self.diversity, DIVERSITIES)
        checks.choice("ties", self.ties, TIES)
        if self.num_rediffusions is not None:
            checks.integer("num_rediffusions", self.num_rediffusions, low=1)
        if self.num_refine_steps is not None:
            checks.integer("num_refine_steps", self.num_refine_steps, low=0)
        if self.diversity == "redistribute" and scores.CRITERIA[self.criterion] not in scores.PICK_TERMS:
            allowed = ", ".join(repr(name) for name, known in scores.CRITERIA.items() if known in scores.PICK_TERMS)
            raise ValueError(
                f"criterion must be one of {allowed} with diversity='redistribute', since it has to count picks; got "
                f"{self.criterion!r}."
            )


@functools.partial(jax.jit, static_argnames=("settings", "query_size", "num_steps"))
def query(
    key: jax.Array,
    graph: AnyGraph,
    mass: Float[Array, "n c"],
    labeled: Bool[Array, " n"],
    eligible: Bool[Array, " n"],
    outstanding: Bool[Array, " n"] | None = None,
    *,
    settings: QuerySettings,
    query_size: int,
    num_steps: int,
) -> tuple[Query, Float[Array, "n c"]]:
    """Queries the B eligible unlabelled points whose diffused label is weakest.

    Args:
      key: decides ties; used once.
      graph: neighbourhoods of the pool.
      mass: known labels, from `label_mass`.
      labeled: True where the label is known.
      eligible: True where a point may be asked.
      outstanding: True where a point was asked before and its label has not come. It counts as a pick of a turn before
        the first, so that points near it wait too; for "local_minima" with a pick term, where there is one. "none"
        with random ties takes no notice of it, as it takes none of its own picks. None is none of them.
      settings: criterion, batch rule and ties. Static.
      query_size: B. Static.
      num_steps: T. Static.

    Returns:
      The query, and the diffused mass that its last scores were read from.

    Paper: the inner loop of Algorithm 1 with Eq. (6).
    """
    rule = DIVERSITIES[settings.diversity](_base_rule(settings, num_steps))
    if rule is None:
        return _lowest_at_once(
            key, graph, mass, labeled, labeled | ~eligible,
            settings=settings, query_size=query_size, num_steps=num_steps,
        )  # fmt: skip
    if outstanding is not None and rule.spread_reached:
        rule = dataclasses.replace(rule, pick_term=scores.PICK_TERMS.get(rule.criterion))
    return pick_batch(key, graph, mass, labeled, eligible, 1.0, outstanding, rule=rule, query_size=query_size)


def _lowest_at_once(
    key, graph, mass, labeled, excluded, *, settings: QuerySettings, query_size: int, num_steps: int
) -> tuple[Query, Float[Array, "n c"]]:
    diffused = diffuse(graph, mass, labeled, num_steps=num_steps)
    reached = reach(diffused) > 0
    if settings.num_refine_steps is not None:
        explored = (reached | excluded).all()
        start = jnp.where(explored, mass, diffused)
        diffused = clamped_walk(graph, start, mass, labeled, jnp.where(explored, settings.num_refine_steps, 0))
    values = scores.CRITERIA[settings.criterion](diffused)
    indices = lowest(key, values, excluded, query_size=query_size)
    found = indices >= 0
    return Query(indices, jnp.where(found, values[indices], jnp.nan), found & reached[indices]), diffused


def _base_rule(settings: QuerySettings, num_steps: int) -> BatchRule:
    return BatchRule(
        criterion=scores.CRITERIA[settings.criterion],
        pick_term=None,
        num_rediffusions=settings.num_rediffusions,
        ties=settings.ties,
        num_steps=num_steps,
        num_refine_steps=settings.num_refine_steps,
    )


def _none(base: BatchRule) -> BatchRule | None:
    return None if base.ties == "random" else _coverage(base)


def _coverage(base: BatchRule) -> BatchRule:
    ties = "coverage" if base.ties == "random" else base.ties
    return dataclasses.replace(base, ties=ties, spread_reached=False)


def _redistribute(base: BatchRule) -> BatchRule:
    return dataclasses.replace(base, pick_term=scores.PICK_TERMS[base.criterion])


def _local_minima(base: BatchRule) -> BatchRule:
    return dataclasses.replace(base, num_rediffusions=1)


DIVERSITIES: dict[str, Callable[[BatchRule], BatchRule | None]] = {
    "none": _none,
    "coverage": _coverage,
    "redistribute": _redistribute,
    "local_minima": _local_minima,
}
