"""One round: what to ask, why, and the folder that says so. Any round can be computed again from the record."""

import csv
import dataclasses
import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ddal_jax.campaign import folders, store
from ddal_jax.campaign.errors import NothingLeft
from ddal_jax.campaign.fingerprint import reread
from ddal_jax.campaign.graphs import campaign_graph
from ddal_jax.campaign.propagation import known_mass
from ddal_jax.campaign.reasons import explain
from ddal_jax.campaign.settings import RoundSettings, settings_of
from ddal_jax.campaign.state import State, read_state
from ddal_jax.campaign.store import RoundRecord
from ddal_jax.experiments import results
from ddal_jax.query import query

COLUMNS = (
    "rank", "id", "score", "reason", "predicted", "runner_up", "reach", "hops", "nearest_labeled_id", "newly_reached"
)  # fmt: skip


class Round(NamedTuple):
    """A round that was asked.

    Attributes:
      number: from 1.
      folder: holds `queries.csv`, `queries.jsonl` and `config.json`.
      queries: one dict per point with the fields of `COLUMNS`, in the order to be labelled; None for what is not there.
    """

    number: int
    folder: Path
    queries: list[dict[str, Any]]


class Replay(NamedTuple):
    """A round computed again.

    Attributes:
      number: of the round.
      same: whether it asks the same ids in the same order, and `queries.csv` is as it was written.
      asked: ids of the round as recorded.
      replayed: ids now.
      file_unchanged: whether `queries.csv` is as it was written.
      changed: versions that differ from those of then, as name: [then, now].
    """

    number: int
    same: bool
    asked: list[str]
    replayed: list[str]
    file_unchanged: bool
    changed: dict[str, list[Any]]


class _Batch(NamedTuple):
    rows: list[int]
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
        batch = _batch(graph, state, ids, settings, seed=_seed(connection, number))
        config = _config(connection, state, settings, number, ids)
        record = RoundRecord(number, state.position, config, "")
        folder = _record(connection, campaign, record, batch)
        if folder is not None:
            return Round(number, folder, batch.queries)


def replay(connection: sqlite3.Connection, campaign: Path, number: int) -> Replay:
    """Computes a round again from the log as it stood then, and compares.

    Raises:
      ValueError: there is no such round, or the pool is not what it was.
    """
    known = store.rounds(connection)
    record = next((found for found in known if found.number == number), None)
    if record is None:
        there = f"1 to {len(known)}" if known else "none yet"
        raise ValueError(f"NNN must be the number of a round ({there}); got {number}.")
    settings = settings_of(record.config)
    features, ids = reread(campaign, store.facts(connection)), store.ids(connection)
    state = read_state(connection, position=record.position, next_round=number, soft=settings.soft_labels)
    graph = campaign_graph(connection, campaign, settings.graph, features)
    batch = _batch(graph, state, ids, settings, seed=record.config["seed"])
    asked = [ids[row] for row in store.queried(connection, number)]
    replayed = [ids[row] for row in batch.rows]
    path = folders.round_folder(campaign, number) / folders.QUERIES
    unchanged = path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == record.digest
    return Replay(number, asked == replayed and unchanged, asked, replayed, unchanged, _changed(record.config))


def read_queries(campaign: Path, number: int) -> list[dict[str, Any]]:
    """Returns the points of a round as its `queries.jsonl` holds them."""
    path = folders.round_folder(campaign, number) / folders.QUERIES_JSON
    if not path.is_file():
        raise ValueError(f"{path} is missing, though the round is recorded; put it back.")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _seed(connection: sqlite3.Connection, number: int) -> int:
    campaign_seed = store.facts(connection)["seed"]
    return int(np.random.SeedSequence([campaign_seed, number]).generate_state(1)[0])


def _batch(graph, state: State, ids: Sequence[str], settings: RoundSettings, *, seed: int) -> _Batch:
    eligible = state.eligible
    size = min(settings.query_size, int(eligible.sum()))
    if size == 0:
        raise NothingLeft(
            f"nothing is left to ask: of {len(eligible)} points {int((state.labels >= 0).sum())} are labelled, "
            f"{int(state.ignored.sum())} ignored, and for {int(state.outstanding.sum())} labels are waited for."
        )
    num_steps = settings.graph.steps_for(len(eligible))
    mass = known_mass(state.labels, num_classes=state.num_classes, soft_labels=state.soft_labels)
    picked, _ = query(
        jax.random.key(np.uint32(seed)), graph, mass, state.labels >= 0, eligible,
        settings=settings.query, query_size=size, num_steps=num_steps,
    )  # fmt: skip
    rows = np.asarray(picked.indices)
    why = explain(
        graph, state.labels, rows,
        num_classes=state.num_classes, num_steps=num_steps, soft_labels=state.soft_labels,
    )  # fmt: skip
    return _Batch(rows.tolist(), list(_described(rows, np.asarray(picked.scores), why, state.classes, ids)))


def _described(rows, scores, why, classes: Sequence[str], ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    for place, row in enumerate(rows):
        values = (
            place + 1,
            ids[row],
            shortest(scores[place]),
            why.reason[place],
            _named(classes, why.predicted[place]),
            _named(classes, why.runner_up[place]),
            shortest(why.reach[place]),
            int(why.hops[place]),
            _named(ids, why.nearest_labeled[place]),
            int(why.newly_reached[place]),
        )
        yield dict(zip(COLUMNS, values, strict=True))


def _named(names: Sequence[str], index: Any) -> str | None:
    return names[int(index)] if index >= 0 else None


def shortest(value) -> float:
    """Returns a float32 as the shortest number that reads back to it."""
    return float(str(np.float32(value)))


def _record(connection, campaign: Path, record: RoundRecord, batch: _Batch) -> Path | None:
    """Writes the folder, then the record; None where another command recorded a round in the meantime.

    If it fails in between, the next command puts the folder aside, since only then it is sure that there is no record.
    """
    files = _files(record.config, batch.queries)
    record = record._replace(digest=hashlib.sha256(files[folders.QUERIES]).hexdigest())
    with store.writing(connection):
        if len(store.rounds(connection)) != record.number - 1:
            return None
        folder = folders.write_round(campaign, record.number, files)
        store.add_round(connection, record, batch.rows)
    return folder


def _files(config: dict[str, Any], queries: Sequence[dict[str, Any]]) -> dict[str, bytes]:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row.values() for row in queries)
    lines = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in queries)
    about = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    contents = (table.getvalue(), lines, about)
    return {name: text.encode() for name, text in zip(folders.ROUND_FILES, contents, strict=True)}


def _config(connection, state: State, settings: RoundSettings, number: int, ids: Sequence[str]) -> dict[str, Any]:
    facts = store.facts(connection)
    return {
        "round": number,
        "seed": _seed(connection, number),
        "campaign_seed": facts["seed"],
        "settings": dataclasses.asdict(settings),
        "log_position": state.position,
        "classes": list(state.classes),
        "labeled": int((state.labels >= 0).sum()),
        "ignored": int(state.ignored.sum()),
        "outstanding": [ids[row] for row in np.flatnonzero(state.outstanding).tolist()],
        "pool": facts["pool"],
        "time": store.now(),
        "environment": results.environment(),
    }


def _changed(config: dict[str, Any]) -> dict[str, list[Any]]:
    before, now = config["environment"], results.environment()
    return {name: [before.get(name), value] for name, value in now.items() if before.get(name) != value}
