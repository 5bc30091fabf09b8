"""Every vote that stands, as a table that `ddal ingest` reads: to keep, to hand on, to begin another campaign with."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ddal_jax.campaign import store
from ddal_jax.campaign.label_tables import votes_of
from ddal_jax.campaign.store import IGNORE, SET, UNSET
from ddal_jax.campaign.table_files import write_table
from ddal_jax.campaign.tables import Line, Table

COLUMNS = ("id", "label", "annotator", "action", "time")
# Beside max(), SQLite takes the other columns from the row that has it: the last word of each annotator on each point.
_STANDING = """
SELECT id, label, annotator, action, time, max(position) FROM labels GROUP BY id, annotator ORDER BY max(position)
"""


class ExportedVotes(NamedTuple):
    """The table that was written.

    Attributes:
      path: of the file.
      rows: in it, one for each vote and each skip.
      votes: rows with a label.
      skips: rows without, of an annotator; what is left are points taken out for everybody.
      annotators: who gave them; nobody in particular counts for one.
      overruled: votes left out, on points that nobody in particular had taken out for everybody.
      mistakable: labels that a reader of tables takes for missing or for another number, such as NA or 1.0, unless
        it knows them as classes.
      classes: of the campaign, which another one has to be begun with if any are mistakable.
    """

    path: Path
    rows: int
    votes: int
    skips: int
    annotators: int
    overruled: int
    mistakable: tuple[str, ...]
    classes: tuple[str, ...]


def export_votes(connection: sqlite3.Connection, campaign: Path, path: Path) -> ExportedVotes:
    """Writes a row for each annotator's last word on each point, in the order given, as CSV.

    `action` is "set", or "ignore" for a skip, which has no label. Where a point was taken out for everybody, that alone
    is written: votes on it count for nobody, and `ingest` refuses them beside it.

    Raises:
      OSError: the file cannot be written.
    """
    del campaign
    standing = [entry[: len(COLUMNS)] for entry in connection.execute(_STANDING)]
    standing = [entry for entry in standing if entry[3] != UNSET]
    taken_out = {name for name, _, annotator, action, _ in standing if action == IGNORE and not annotator}
    kept = [entry for entry in standing if not (entry[3] == SET and entry[0] in taken_out)]
    write_table(path, COLUMNS, kept)
    labels = {label for _, label, _, action, _ in kept if action == SET}
    return ExportedVotes(
        path, len(kept),
        votes=sum(entry[3] == SET for entry in kept),
        skips=sum(entry[3] == IGNORE and bool(entry[2]) for entry in kept),
        annotators=len({entry[2] for entry in kept}),
        overruled=len(standing) - len(kept),
        mistakable=_mistakable(labels),
        classes=tuple(store.facts(connection).classes or sorted(labels)),
    )  # fmt: skip


def _mistakable(labels: Iterable[str]) -> tuple[str, ...]:
    """Returns the labels that a campaign without named classes would not take in as they are."""
    lines = [Line("", [label, label]) for label in sorted(labels)]
    if not lines:
        return ()
    said = votes_of(Table(["id", "label"], "", iter(lines)), {}, ())
    taken = {vote.id for vote in said.votes if vote.label == vote.id}
    return tuple(line.cells[0] for line in lines if line.cells[0] not in taken)
