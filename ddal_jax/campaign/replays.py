"""A round computed again from the record, whatever became of its folder."""

import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ddal_jax.campaign import batches, round_files, store
from ddal_jax.campaign.batches import Batch
from ddal_jax.campaign.graphs import campaign_graph
from ddal_jax.campaign.rereading import reread
from ddal_jax.campaign.settings import RoundSettings, settings_of
from ddal_jax.campaign.state import State, read_state
from ddal_jax.campaign.store import RoundRecord
from ddal_jax.experiments import results
from ddal_jax.graph.types import AnyGraph


class Replay(NamedTuple):
    """A round computed again.

    Attributes:
      number: of the round.
      same: whether it asks the same ids in the same order.
      asked: ids of the round as recorded.
      replayed: ids now.
      file_unchanged: whether `queries.csv` is there as it was written; that it is not, as once labels were typed into
        it, says nothing against the round.
      changed: versions that differ from those of then, as name: [then, now].
    """

    number: int
    same: bool
    asked: list[str]
    replayed: list[str]
    file_unchanged: bool
    changed: dict[str, list[Any]]


def replay(connection: sqlite3.Connection, campaign: Path, number: int) -> Replay:
    """Computes a round again from the log as it stood then, and compares.

    Raises:
      ValueError: there is no such round, or the pool is not what it was.
    """
    record = recorded(connection, number)
    features = reread(campaign, store.facts(connection))
    then = _as_it_stood(connection, campaign, record, features)
    asked = [then.ids[row] for row in store.queried(connection, number)]
    replayed = [then.ids[row] for row in _again(then, record).rows]
    changed = _changed(record.config["environment"], results.environment())
    return Replay(number, asked == replayed, asked, replayed, round_files.is_unchanged(campaign, record), changed)


def recorded(connection: sqlite3.Connection, number: int) -> RoundRecord:
    """Returns what is recorded of a round.

    Raises:
      ValueError: there is no such round.
    """
    known = store.rounds(connection)
    found = next((record for record in known if record.number == number), None)
    if found is None:
        there = f"1 to {len(known)}" if known else "none yet"
        raise ValueError(f"number must be the number of a round ({there}); got {number}.")
    return found


def queries_of(connection: sqlite3.Connection, campaign: Path, record: RoundRecord) -> list[dict[str, Any]]:
    """Returns what a round asked, from its folder, or computed again where that is gone or was changed.

    What was asked is known even if other versions would ask something else now; the scores then are not.

    Raises:
      ValueError: the folder and the graph are gone, and the pool is not what it was.
    """
    written = round_files.read(campaign, record)
    if written is not None:
        return written
    then = _as_it_stood(connection, campaign, record)
    rows, again = store.queried(connection, record.number), _again(then, record)
    if rows == again.rows:
        return again.queries
    return batches.described(then.graph, then.state, then.ids, then.settings, rows=rows, scores=[None] * len(rows))


class _Then(NamedTuple):
    """What a round was computed from."""

    graph: AnyGraph
    state: State
    ids: list[str]
    settings: RoundSettings


def _as_it_stood(
    connection: sqlite3.Connection, campaign: Path, record: RoundRecord, features: np.ndarray | None = None
) -> _Then:
    settings = settings_of(record.config)
    state = read_state(connection, position=record.position, next_round=record.number, soft=settings.soft_labels)
    graph = campaign_graph(connection, campaign, settings.graph, features)
    return _Then(graph, state, store.ids(connection), settings)


def _again(then: _Then, record: RoundRecord) -> Batch:
    return batches.pick(*then, seed=record.config["seed"])


def _changed(then: dict[str, Any], now: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [then.get(name), value] for name, value in now.items() if then.get(name) != value}
