"""The tables of a campaign's record, and the triggers that keep them from being changed."""

from collections.abc import Iterator

_TABLES = {
    "facts": "name TEXT PRIMARY KEY, value TEXT NOT NULL",
    "points": "row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE",
    "acts": (
        "number INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('ingest', 'undo')), "
        "undone INTEGER UNIQUE REFERENCES acts, source TEXT NOT NULL, digest TEXT NOT NULL, time TEXT NOT NULL"
    ),
    "log": (
        "position INTEGER PRIMARY KEY AUTOINCREMENT, act INTEGER NOT NULL REFERENCES acts, "
        "row INTEGER NOT NULL REFERENCES points, annotator TEXT NOT NULL, "
        "action TEXT NOT NULL CHECK (action IN ('set', 'unset', 'ignore')), label TEXT, time TEXT NOT NULL, "
        "CHECK ((action = 'set') = (label IS NOT NULL))"
    ),
    "rounds": (
        "number INTEGER PRIMARY KEY, position INTEGER NOT NULL, config TEXT NOT NULL, digest TEXT NOT NULL, "
        "time TEXT NOT NULL"
    ),
    "queries": (
        "round INTEGER NOT NULL REFERENCES rounds, rank INTEGER NOT NULL, row INTEGER NOT NULL REFERENCES points, "
        "PRIMARY KEY (round, rank)"
    ),
}
_REST = """
CREATE INDEX log_by_vote ON log (row, annotator, position);
CREATE VIEW labels AS
  SELECT position, id, action, label, annotator, time, act FROM log JOIN points USING (row) ORDER BY position;
"""


def statements() -> Iterator[str]:
    """Yields what makes an empty record."""
    for table, columns in _TABLES.items():
        yield f"CREATE TABLE {table} ({columns})"
        for change in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_never_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
            )
    # Without this, INSERT OR REPLACE would delete unseen.
    yield (
        "CREATE TRIGGER log_never_replace BEFORE INSERT ON log WHEN EXISTS "
        "(SELECT 1 FROM log WHERE position = NEW.position) BEGIN SELECT RAISE(ABORT, 'log only grows'); END"
    )
    yield from filter(str.strip, _REST.split(";"))
