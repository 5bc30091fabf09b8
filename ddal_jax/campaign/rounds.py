"""One round is asked: computed from the record as it stands, written to a folder, recorded."""

import dataclasses
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ddal_jax.campaign import batches, folders, round_files, store
from ddal_jax.campaign.batches import Batch
from ddal_jax.campaign.graphs import campaign_graph
from ddal_jax.campaign.rereading import reread
from ddal_jax.campaign.settings import RoundSettings
from ddal_jax.campaign.state import State, read_state
from ddal_jax.campaign.store import RoundRecord
from ddal_jax.experiments import results


class Round(NamedTuple):
    """A round that was asked.

    Attributes:
      number: from 1.
      folder: holds `queries.csv`, `queries.jsonl` and `config.json`.
      queries: one dict per point with the fields of `batches.COLUMNS`, in the order to be labelled; None for what is
        not there.
    """

    number: int
    folder: Path
    queries: list[dict[str, Any]]


def ask(connection: sqlite3.Connection, campaign: Path, settings: RoundSettings) -> Round:
    """Asks the next round and records it.

    Raises:
      ValueError: the pool is not what it was.
      OSError: the disk is full; no round was asked then.
      NothingLeft: every point is labelled, ignored or waited for.
    """
    features, ids = reread(campaign, store.facts(connection)), store.ids(connection)
    graph = campaign_graph(connection, campaign, settings.graph, features)
    while True:
        with store.reading(connection):
            number = len(store.rounds(connection)) + 1
            state = read_state(
                connection, position=store.last_position(connection), next_round=number, soft=settings.soft_labels
            )
        batch = batches.pick(graph, state, ids, settings, seed=_seed(connection, number))
        config = _config(connection, state, settings, number, ids)
        record = RoundRecord(number, state.position, config, "")
        folder = _record(connection, campaign, record, batch)
        if folder is not None:
            return Round(number, folder, batch.queries)


def _seed(connection: sqlite3.Connection, number: int) -> int:
    campaign_seed = store.facts(connection).seed
    return int(np.random.SeedSequence([campaign_seed, number]).generate_state(1)[0])


def _record(connection: sqlite3.Connection, campaign: Path, record: RoundRecord, batch: Batch) -> Path | None:
    """Writes the folder, then the record; None where another command recorded a round in the meantime.

    If it fails in between, the next command puts the folder aside, since only then it is sure that there is no record.
    """
    files = round_files.contents(record.config, batch.queries)
    record = record._replace(digest=round_files.digest(files[folders.QUERIES]))
    with store.writing(connection):
        if len(store.rounds(connection)) != record.number - 1:
            return None
        folder = folders.write_round(campaign, record.number, files)
        store.add_round(connection, record, batch.rows)
    return folder


def _config(
    connection: sqlite3.Connection, state: State, settings: RoundSettings, number: int, ids: Sequence[str]
) -> dict[str, Any]:
    facts = store.facts(connection)
    return {
        "round": number,
        "seed": _seed(connection, number),
        "campaign_seed": facts.seed,
        "settings": dataclasses.asdict(settings),
        "log_position": state.position,
        "classes": list(state.classes),
        "labeled": int((state.labels >= 0).sum()),
        "ignored": int(state.ignored.sum()),
        "outstanding": [ids[row] for row in np.flatnonzero(state.outstanding).tolist()],
        "pool": dataclasses.asdict(facts.pool),
        "time": store.now(),
        "environment": results.environment(),
    }
