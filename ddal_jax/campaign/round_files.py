"""The files of a round: what stands in them, and whether they still say what was written."""

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ddal_jax.campaign import folders
from ddal_jax.campaign.batches import COLUMNS
from ddal_jax.campaign.store import RoundRecord


def contents(config: dict[str, Any], queries: Sequence[dict[str, Any]]) -> dict[str, bytes]:
    """Returns the files of a round, by name."""
    lines = "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in queries)
    about = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    return dict(zip(folders.ROUND_FILES, (_table(queries), lines.encode(), about.encode()), strict=True))


def digest(table: bytes) -> str:
    """Returns what the record keeps of a `queries.csv`."""
    return hashlib.sha256(table).hexdigest()


def is_unchanged(campaign: Path, record: RoundRecord) -> bool:
    """Tells whether `queries.csv` is there as it was written."""
    path = folders.round_folder(campaign, record.number) / folders.QUERIES
    return path.is_file() and digest(path.read_bytes()) == record.digest


def read(campaign: Path, record: RoundRecord) -> list[dict[str, Any]] | None:
    """Returns the queries as `queries.jsonl` holds them; None where it is gone, or not of the table recorded."""
    path = folders.round_folder(campaign, record.number) / folders.QUERIES_JSON
    try:
        queries = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    except (OSError, ValueError, RecursionError):
        return None
    sound = all(isinstance(query, dict) and tuple(query) == COLUMNS for query in queries)
    return queries if sound and digest(_table(queries)) == record.digest else None


def _table(queries: Sequence[dict[str, Any]]) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(query.values() for query in queries)
    return table.getvalue().encode()
