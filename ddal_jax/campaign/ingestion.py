"""Votes into the log: all of a file or nothing, the same file once, and back again."""

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

from ddal_jax.campaign import store
from ddal_jax.campaign.errors import NothingLeft
from ddal_jax.campaign.fingerprint import described_ids
from ddal_jax.campaign.label_files import LabelFile, Vote
from ddal_jax.campaign.store import IGNORE, SET, UNSET, Entry, Standing


class Ingested(NamedTuple):
    """What an ingest changed.

    Attributes:
      ingest: its number, None where nothing changed.
      new: votes by annotators who had none on the point.
      changed: votes that replace an earlier one.
      same: votes that stood already.
      missing: lines without a label.
      repeated: number of the earlier ingest of the same file, None if there is none.
    """

    ingest: int | None
    new: int
    changed: int
    same: int
    missing: int
    repeated: int | None


class Undone(NamedTuple):
    """What an undo took back.

    Attributes:
      ingest: number of the ingest.
      file: its name.
      time: when it was.
      votes: entries taken back.
    """

    ingest: int
    file: str
    time: str
    votes: int


def ingest(connection: sqlite3.Connection, labels: LabelFile) -> Ingested:
    """Adds the votes of a file to the log, or refuses all of them.

    Raises:
      ValueError: an unknown id, a label for an ignored point; names the line and a remedy.
    """
    with store.writing(connection):
        earlier = {(act.source, digest): act.number for act, digest in store.standing_ingests(connection)}
        repeated = earlier.get((labels.name, labels.digest))
        if repeated is not None:
            return Ingested(None, 0, 0, len(labels.votes), labels.num_missing, repeated)
        standing = {
            (entry.row, entry.annotator): entry
            for entry in store.standing(connection, until=store.last_position(connection))
        }
        entries = _entries(connection, labels, standing)
        fresh = [entry for entry in entries if _changes(entry, standing)]
        number = store.add_ingest(connection, fresh, source=labels.name, digest=labels.digest) if fresh else None
    new = sum(not _stands(standing.get((entry.row, entry.annotator))) for entry in fresh)
    return Ingested(number, new, len(fresh) - new, len(entries) - len(fresh), labels.num_missing, None)


def undo(connection: sqlite3.Connection) -> Undone:
    """Takes back the last ingest that still stands.

    Raises:
      NothingLeft: there is none.
    """
    with store.writing(connection):
        ingests = store.standing_ingests(connection)
        if not ingests:
            raise NothingLeft("no ingest is left to take back.")
        act = ingests[-1][0]
        touched = store.touched(connection, act)
        # Later ingests have been undone already, so that what stood before this one is what must stand again.
        before = {(entry.row, entry.annotator): entry for entry in store.standing(connection, until=act.start - 1)}
        store.add_undo(connection, act, [_restored(key, before) for key in sorted(touched)])
    return Undone(act.number, act.source, act.time, len(touched))


def _restored(key: tuple[int, str], before: Mapping[tuple[int, str], Standing]) -> Entry:
    found = before.get(key)
    return Entry(*key, UNSET, None) if found is None else Entry(*key, found.action, found.label)


def _entries(connection: sqlite3.Connection, labels: LabelFile, standing: Mapping[Any, Standing]) -> list[Entry]:
    ignored = {row for (row, annotator), entry in standing.items() if entry.action == IGNORE and not annotator}
    ignored -= _given_back(connection, labels)
    entries = []
    for vote in labels.votes:
        row = store.row_of(connection, vote.id)
        if row is None:
            raise ValueError(
                f"{vote.where}: id {vote.id!r} is not in the pool ({described_ids(store.facts(connection))}); correct "
                "it or leave the line out."
            )
        own = standing.get((row, vote.annotator))
        if vote.action == SET and row in ignored:
            _refuse_ignored(vote, "")
        if vote.action == SET and own is not None and own.action == IGNORE:
            _refuse_ignored(vote, vote.annotator)
        entries.append(Entry(row, vote.annotator, vote.action, vote.label))
    return entries


def _given_back(connection: sqlite3.Connection, labels: LabelFile) -> set[int | None]:
    """Returns the rows that this very file stops ignoring for everybody."""
    return {store.row_of(connection, vote.id) for vote in labels.votes if vote.action == UNSET and not vote.annotator}


def _refuse_ignored(vote: Vote, ignored_by: str) -> None:
    raise ValueError(
        f"{vote.where}: id {vote.id!r} is ignored, so that it cannot be labelled. Leave the line out, or first ingest "
        f"a table with the columns id,annotator,action and the line {vote.id},{ignored_by},unset."
    )


def _changes(entry: Entry, standing: Mapping[Any, Standing]) -> bool:
    found = standing.get((entry.row, entry.annotator))
    before = (UNSET, None) if found is None else (found.action, found.label)
    return before != (entry.action, entry.label)


def _stands(entry: Standing | None) -> bool:
    return entry is not None and entry.action != UNSET
