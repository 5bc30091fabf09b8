"""Votes into the log: all of a file or nothing, what stands already left alone, and back again."""

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

from ddal_jax.campaign import store
from ddal_jax.campaign.errors import NothingLeft
from ddal_jax.campaign.facts import ROW_NUMBERS
from ddal_jax.campaign.label_files import LabelFile
from ddal_jax.campaign.store import IGNORE, SET, UNSET, Entry, Standing


class Ingested(NamedTuple):
    """What an ingest changed.

    Attributes:
      ingest: its number, None where nothing changed.
      new: votes by annotators who had none on the point.
      changed: votes that replace an earlier one.
      same: votes that stood already.
      changed_ids: the points whose votes were replaced.
      missing: lines without a label.
      missing_words: words that were taken for a missing label, such as NA.
      repeated: number of the last earlier ingest of the same file that was not undone, None if there is none.
    """

    ingest: int | None
    new: int
    changed: int
    same: int
    changed_ids: tuple[str, ...]
    missing: int
    missing_words: tuple[str, ...]
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
    """Adds those votes of a file to the log that differ from what stands, or refuses all of them.

    The last word counts, whatever the file is called and whether it was taken in before: the same file again changes
    nothing, unless later ingests changed votes of it, which then stand again as the file says. It may be an old file
    taken by mistake; but that is told (`changed_ids`, `repeated`) and can be undone, whereas a word that a person
    means now, as who skips a point again, would be lost unnoticed if the file were passed over.

    Raises:
      ValueError: an unknown id, a label for an ignored point; names the line and a remedy.
    """
    with store.writing(connection):
        earlier = {(act.source, digest): act.number for act, digest in store.standing_ingests(connection)}
        standing = {
            (entry.row, entry.annotator): entry
            for entry in store.standing(connection, until=store.last_position(connection))
        }
        entries = _entries(connection, labels, standing)
        fresh = {vote: entry for vote, entry in zip(labels.votes, entries, strict=True) if _changes(entry, standing)}
        number = None
        if fresh:
            number = store.add_ingest(connection, [*fresh.values()], source=labels.name, digest=labels.digest)
    replaced = [vote.id for vote, entry in fresh.items() if _stands(standing.get((entry.row, entry.annotator)))]
    return Ingested(
        number,
        new=len(fresh) - len(replaced),
        changed=len(replaced),
        same=len(entries) - len(fresh),
        changed_ids=tuple(dict.fromkeys(replaced)),
        missing=labels.num_missing,
        missing_words=labels.missing_words,
        repeated=earlier.get((labels.name, labels.digest)),
    )


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
                f"{vote.where}: id {vote.id!r} is not in the pool ({_kind_of_ids(connection)}); correct it or leave "
                "the line out."
            )
        # Who skipped a point may think again; what is ignored for everybody is not for one of them to take back.
        if vote.action == SET and row in ignored:
            raise ValueError(
                f"{vote.where}: id {vote.id!r} is ignored for everybody, so that it cannot be labelled. Leave the line "
                f"out, or first ingest a table with the columns id,action and the line {vote.id},unset."
            )
        entries.append(Entry(row, vote.annotator, vote.action, vote.label))
    return entries


def _given_back(connection: sqlite3.Connection, labels: LabelFile) -> set[int | None]:
    """Returns the rows that this very file stops ignoring for everybody."""
    return {store.row_of(connection, vote.id) for vote in labels.votes if vote.action == UNSET and not vote.annotator}


def _kind_of_ids(connection: sqlite3.Connection) -> str:
    pool = store.facts(connection).pool
    if pool.ids_from == ROW_NUMBERS:
        return f"ids here are row numbers from 0 to {pool.rows - 1}"
    return f"ids here come from {pool.ids_from}"


def _changes(entry: Entry, standing: Mapping[Any, Standing]) -> bool:
    found = standing.get((entry.row, entry.annotator))
    before = (UNSET, None) if found is None else (found.action, found.label)
    return before != (entry.action, entry.label)


def _stands(entry: Standing | None) -> bool:
    return entry is not None and entry.action != UNSET
