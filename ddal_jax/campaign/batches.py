"""The points of a round and what speaks for each: the same from the same record, which is what a replay stands on."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ddal_jax.campaign.errors import NothingLeft
from ddal_jax.campaign.propagation import known_mass
from ddal_jax.campaign.reasons import explain
from ddal_jax.campaign.settings import RoundSettings
from ddal_jax.campaign.state import State
from ddal_jax.graph.types import AnyGraph
from ddal_jax.query import query

COLUMNS = (
    "rank", "id", "score", "reason", "predicted", "runner_up", "reach", "hops", "nearest_labeled_id", "newly_reached"
)  # fmt: skip


class Batch(NamedTuple):
    """What a round asks.

    Attributes:
      rows: of the pool, in the order to be labelled.
      queries: one dict per point with the fields of `COLUMNS`; None for what is not there.
    """

    rows: list[int]
    queries: list[dict[str, Any]]


def pick(graph: AnyGraph, state: State, ids: Sequence[str], settings: RoundSettings, *, seed: int) -> Batch:
    """Picks the points to label next; the last batch is what is left.

    Raises:
      NothingLeft: every point is labelled, ignored or waited for.
    """
    if settings.ask_again:
        state = state._replace(outstanding=np.zeros_like(state.outstanding))
    if not state.eligible.any():
        raise NothingLeft(_why_nothing_is_left(state))
    mass = known_mass(state.labels, num_classes=state.num_classes, soft_labels=state.soft_labels)
    picked, _ = query(
        jax.random.key(np.uint32(seed)), graph, mass, state.labels >= 0, state.eligible,
        state.outstanding if settings.avoid_outstanding else None,
        settings=settings.query,
        query_size=min(settings.query_size, int(state.eligible.sum())),
        num_steps=settings.graph.steps_for(len(state.labels)),
    )  # fmt: skip
    rows = np.asarray(picked.indices).tolist()
    return Batch(rows, described(graph, state, ids, settings, rows=rows, scores=np.asarray(picked.scores).tolist()))


def _why_nothing_is_left(state: State) -> str:
    outstanding = int(state.outstanding.sum())
    told = (
        f"nothing is left to ask: of {len(state.labels)} points {int((state.labels >= 0).sum())} are labelled, "
        f"{int(state.ignored.sum())} ignored, and for {outstanding} labels are waited for."
    )
    return told + (" `ddal next --ask-again` asks for those again." if outstanding else "")


def described(
    graph: AnyGraph,
    state: State,
    ids: Sequence[str],
    settings: RoundSettings,
    *,
    rows: Sequence[int],
    scores: Sequence[float | None],
) -> list[dict[str, Any]]:
    """Tells of each point what was known of it when it was asked."""
    return list(_told(graph, state, ids, settings, rows, scores))


def _told(graph, state: State, ids, settings: RoundSettings, rows, scores) -> Iterator[dict[str, Any]]:
    why = explain(
        graph, state.labels, np.asarray(rows),
        num_classes=state.num_classes,
        num_steps=settings.graph.steps_for(len(state.labels)),
        soft_labels=state.soft_labels,
    )  # fmt: skip
    for place, (row, score) in enumerate(zip(rows, scores, strict=True)):
        values = (
            place + 1,
            ids[row],
            None if score is None else shortest(score),
            why.reason[place],
            _named(state.classes, why.predicted[place]),
            _named(state.classes, why.runner_up[place]),
            shortest(why.reach[place]),
            int(why.hops[place]),
            _named(ids, why.nearest_labeled[place]),
            int(why.newly_reached[place]),
        )
        yield dict(zip(COLUMNS, values, strict=True))


def _named(names: Sequence[str], index: Any) -> str | None:
    return names[int(index)] if index >= 0 else None


def shortest(value: Any) -> float:
    """Returns a float32 as the shortest number that reads back to it."""
    return float(str(np.float32(value)))
