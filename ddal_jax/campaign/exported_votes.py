"""Every vote that stands, as a table that `ddal ingest` reads: to keep, to hand on, to begin another campaign with."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

from ddal_jax.campaign.store import IGNORE, SET, UNSET
from ddal_jax.campaign.table_files import write_table

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
      annotators: who gave them; nobody in particular counts for one.
      overruled: votes left out, on points that nobody in particular had taken out for everybody.
    """

    path: Path
    rows: int
    annotators: int
    overruled: int


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
    return ExportedVotes(path, len(kept), len({entry[2] for entry in kept}), len(standing) - len(kept))
