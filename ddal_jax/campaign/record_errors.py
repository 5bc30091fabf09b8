"""What SQLite raises, as errors that say what happened to the record and what to do."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# How long a command waits for another one that is writing.
PATIENCE_SECONDS = 60.0
_LEAST_ROOM = 2**18


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns what SQLite raises into an error that says what happened and what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            raise ValueError(f"{path} is no campaign's record.") from error
        raise OSError(f"{path}: {_reason(path, error)}.") from error
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{path} is no campaign's record, or is damaged: {error}.") from error


def _reason(path: Path, error: sqlite3.OperationalError) -> str:
    if "locked" in str(error):
        return f"another command has been writing for {PATIENCE_SECONDS:.0f} s; run it again later"
    # Where a folder may not be written, SQLite cannot even read a write-ahead log.
    if "readonly" in str(error) or not os.access(path.parent, os.W_OK):
        return (
            f"its folder must be writable, to be read too ({error}). Nothing was lost; allow writing and run it again"
        )
    # Without room for its index of the write-ahead log, SQLite speaks of input and output alone.
    if "full" in str(error) or shutil.disk_usage(path.parent).free < _LEAST_ROOM:
        return f"the disk is full ({error}). Nothing was lost or half written; make room and run it again"
    return f"{error}. Nothing that was taken in before is lost; see to the disk and run it again"
