"""The tables of a campaign's record, and the triggers that keep them from being changed.

A table has no rowid beside its key, so that its keys tell all that an INSERT OR REPLACE could delete: without
`recursive_triggers`, which is a setting of each connection, that would run no trigger on DELETE.
"""

from collections.abc import Iterator

_TABLES = {
    "facts": "(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "points": "(row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE)",
    "acts": (
        "(number INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('ingest', 'undo')), "
        "undone INTEGER UNIQUE REFERENCES acts, source TEXT NOT NULL, digest TEXT NOT NULL, time TEXT NOT NULL)"
    ),
    "log": (
        "(position INTEGER PRIMARY KEY AUTOINCREMENT, act INTEGER NOT NULL REFERENCES acts, "
        "row INTEGER NOT NULL REFERENCES points, annotator TEXT NOT NULL, "
        "action TEXT NOT NULL CHECK (action IN ('set', 'unset', 'ignore')), label TEXT, time TEXT NOT NULL, "
        "CHECK ((action = 'set') = (label IS NOT NULL)))"
    ),
    "rounds": (
        "(number INTEGER PRIMARY KEY, position INTEGER NOT NULL, config TEXT NOT NULL, digest TEXT NOT NULL, "
        "time TEXT NOT NULL)"
    ),
    "queries": (
        "(round INTEGER NOT NULL REFERENCES rounds, rank INTEGER NOT NULL, row INTEGER NOT NULL REFERENCES points, "
        "PRIMARY KEY (round, rank)) WITHOUT ROWID"
    ),
}
_KEYS = {
    "facts": ["name"],
    "points": ["row", "id"],
    "acts": ["number", "undone"],
    "log": ["position"],
    "rounds": ["number"],
    "queries": ["round, rank"],
}
_REST = """
CREATE INDEX log_by_vote ON log (row, annotator, position);
CREATE VIEW labels AS
  SELECT position, id, action, label, annotator, time, act FROM log JOIN points USING (row) ORDER BY position;
"""


def tables() -> Iterator[str]:
    """Yields what makes an empty record, as yet without its guards."""
    yield from (f"CREATE TABLE {table} {columns}" for table, columns in _TABLES.items())
    yield from filter(str.strip, _REST.split(";"))


def guards() -> Iterator[str]:
    """Yields the triggers that keep a record from being changed."""
    for table, keys in _KEYS.items():
        for change in ("UPDATE", "DELETE"):
            yield _trigger(table, change.lower(), f"BEFORE {change} ON {table}")
        for number, key in enumerate(keys):
            new = ", ".join(f"NEW.{column}" for column in key.split(", "))
            taken = f"EXISTS (SELECT 1 FROM {table} WHERE ({key}) = ({new}))"
            yield _trigger(table, f"replace_{number}", f"BEFORE INSERT ON {table} WHEN {taken}")


def _trigger(table: str, name: str, when: str) -> str:
    return f"CREATE TRIGGER {table}_never_{name} {when} BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
