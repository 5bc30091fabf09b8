"""A campaign's record in SQLite: the pool's fingerprint and ids, every vote ever given, every round ever asked.

Write-ahead log and full synchronisation: what is committed survives a kill and a loss of power. Nothing is ever updated
or deleted, and triggers refuse it to everyone: a vote is taken back by a further entry. What stood at any position of
the log can therefore be told at any later time, which is what makes rounds replayable.
"""

import dataclasses
import datetime
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ddal_jax.campaign import schema
from ddal_jax.campaign.facts import Facts
from ddal_jax.campaign.record_errors import PATIENCE_SECONDS, told

DATABASE = "campaign.sqlite"
FORMAT = 1
SET, UNSET, IGNORE = ACTIONS = ("set", "unset", "ignore")


class Standing(NamedTuple):
    """The last entry of each annotator on each row, up to some position of the log.

    Attributes:
      row: of the pool.
      annotator: who; empty for nobody in particular.
      action: "set", "unset" or "ignore".
      label: of "set", else None.
      position: of the entry in the log.
    """

    row: int
    annotator: str
    action: str
    label: str | None
    position: int


class Entry(NamedTuple):
    """An entry to be added to the log."""

    row: int
    annotator: str
    action: str
    label: str | None


class Act(NamedTuple):
    """One `ingest` or `undo`.

    Attributes:
      number: from 1.
      source: name of the file.
      time: when, in UTC.
      start: position of its first entry in the log.
    """

    number: int
    source: str
    time: str
    start: int


class RoundRecord(NamedTuple):
    """One round as recorded.

    Attributes:
      number: from 1.
      position: of the log's last entry when it was asked.
      config: what its `config.json` holds.
      digest: of its `queries.csv`.
    """

    number: int
    position: int
    config: dict[str, Any]
    digest: str


def create(path: Path, facts: Facts, ids: Iterable[str]) -> None:
    """Makes the record of a new campaign."""
    connection = _connected(path, mode="rwc")
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        with writing(connection):
            for statement in schema.tables():
                connection.execute(statement)
            kept = {"format": FORMAT, **dataclasses.asdict(facts)}
            connection.executemany("INSERT INTO facts VALUES (?, ?)", ((k, json.dumps(v)) for k, v in kept.items()))
            connection.executemany("INSERT INTO points VALUES (?, ?)", enumerate(ids))
            # Last, since they look each key up.
            for statement in schema.guards():
                connection.execute(statement)
    finally:
        connection.close()


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Opens the record of a campaign for a while.

    Raises:
      ValueError: `folder` holds no campaign, one of a later version, or a damaged one.
      OSError: the disk is full, may not be written, or another command has been writing for too long.
    """
    path = folder / DATABASE
    if not path.is_file():
        raise ValueError(
            f"folder must name a campaign's folder, as `ddal init` makes it; {str(folder)!r} has no {DATABASE}."
        )
    with told(path):
        connection = _connected(path, mode="rw")
        try:
            found = _kept(connection).get("format")
            if found != FORMAT:
                raise ValueError(f"{path} must have format {FORMAT}; got {found}. It was made by another version.")
            yield connection
        finally:
            connection.close()


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Makes all that is written within one transaction; only one command of a campaign is inside at a time."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """Shows all that is read within as it stood at one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def facts(connection: sqlite3.Connection) -> Facts:
    """Returns what was settled when the campaign began."""
    return Facts.from_json(_kept(connection))


def ids(connection: sqlite3.Connection) -> list[str]:
    """Returns the ids of the pool, by row."""
    return [name for (name,) in connection.execute("SELECT id FROM points ORDER BY row")]


def row_of(connection: sqlite3.Connection, name: str) -> int | None:
    """Returns the row of an id, None for an unknown one."""
    found = connection.execute("SELECT row FROM points WHERE id = ?", (name,)).fetchone()
    return None if found is None else found[0]


def last_position(connection: sqlite3.Connection) -> int:
    """Returns where the log ends."""
    return connection.execute("SELECT coalesce(max(position), 0) FROM log").fetchone()[0]


def standing(connection: sqlite3.Connection, *, until: int) -> list[Standing]:
    """Returns what stands at a position of the log, by row and annotator."""
    # Beside max(), SQLite takes the other columns from the row that has it.
    found = connection.execute(
        "SELECT row, annotator, action, label, max(position) FROM log WHERE position <= ? GROUP BY row, annotator",
        (until,),
    )
    return [Standing(*entry) for entry in found]


def add_ingest(connection: sqlite3.Connection, entries: Sequence[Entry], *, source: str, digest: str) -> int:
    """Appends an ingest and returns its number."""
    return _add_act(connection, entries, kind="ingest", undone=None, source=source, digest=digest)


def add_undo(connection: sqlite3.Connection, act: Act, entries: Sequence[Entry]) -> int:
    """Appends what takes back an ingest, and returns its number."""
    return _add_act(connection, entries, kind="undo", undone=act.number, source=act.source, digest="")


def standing_ingests(connection: sqlite3.Connection) -> list[tuple[Act, str]]:
    """Returns the ingests that were not undone, in order, with their digests."""
    found = connection.execute(
        "SELECT number, source, acts.time, min(position), digest FROM acts JOIN log ON act = number "
        "WHERE kind = 'ingest' AND number NOT IN (SELECT undone FROM acts WHERE undone IS NOT NULL) "
        "GROUP BY number ORDER BY number"
    )
    return [(Act(*columns), digest) for *columns, digest in found]


def touched(connection: sqlite3.Connection, act: Act) -> set[tuple[int, str]]:
    """Returns the rows and annotators that an act wrote about."""
    return set(connection.execute("SELECT row, annotator FROM log WHERE act = ?", (act.number,)))


def rounds(connection: sqlite3.Connection) -> list[RoundRecord]:
    """Returns the rounds, in order."""
    found = connection.execute("SELECT number, position, config, digest FROM rounds ORDER BY number")
    return [RoundRecord(number, position, json.loads(config), digest) for number, position, config, digest in found]


def queried(connection: sqlite3.Connection, number: int) -> list[int]:
    """Returns the rows that a round asked for, in order."""
    found = connection.execute("SELECT row FROM queries WHERE round = ? ORDER BY rank", (number,))
    return [row for (row,) in found]


def last_asked(connection: sqlite3.Connection, *, before: int) -> dict[int, int]:
    """Returns, for each row asked in rounds before the given one, where the log stood when it was asked last."""
    found = connection.execute(
        "SELECT row, max(position) FROM queries JOIN rounds ON number = round WHERE number < ? GROUP BY row", (before,)
    )
    return dict(found.fetchall())


def add_round(connection: sqlite3.Connection, record: RoundRecord, rows: Sequence[int]) -> None:
    """Appends a round."""
    connection.execute(
        "INSERT INTO rounds VALUES (?, ?, ?, ?, ?)",
        (record.number, record.position, json.dumps(record.config), record.digest, now()),
    )
    connection.executemany(
        "INSERT INTO queries VALUES (?, ?, ?)", ((record.number, rank, row) for rank, row in enumerate(rows, start=1))
    )


def now() -> str:
    """Returns the time, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def _kept(connection: sqlite3.Connection) -> dict[str, Any]:
    return {name: json.loads(value) for name, value in connection.execute("SELECT name, value FROM facts")}


def _connected(path: Path, *, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=PATIENCE_SECONDS, isolation_level=None
    )
    try:
        for setting in ("synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON"):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def _add_act(connection, entries: Sequence[Entry], *, kind: str, undone: int | None, source: str, digest: str) -> int:
    time = now()
    added = connection.execute(
        "INSERT INTO acts (kind, undone, source, digest, time) VALUES (?, ?, ?, ?, ?)",
        (kind, undone, source, digest, time),
    )
    number = added.lastrowid
    connection.executemany(
        "INSERT INTO log (act, row, annotator, action, label, time) VALUES (?, ?, ?, ?, ?, ?)",
        ((number, *entry, time) for entry in entries),
    )
    return number
