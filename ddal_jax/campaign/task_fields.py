"""What a labeller is to see of each point: a table of ids and further columns, of which those asked are kept."""

import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from ddal_jax.campaign import parquet_files, tables

_ID = "id"
_Rows = Iterator[tuple[str, dict[str, Any]]]


def read_fields(path: Path, wanted: Collection[str], *, id_column: str | None) -> dict[str, dict[str, Any]]:
    """Reads the further columns of some ids.

    Args:
      path: .csv, .jsonl (an object a line) or .parquet.
      wanted: ids that must be there; others are passed over.
      id_column: name of the ids' column where it is not `id`, such as that of the pool.

    Returns:
      The columns of each id, in the order of `wanted`.

    Raises:
      ValueError: another kind of file, a damaged one, no column of ids, an id that is not there or stands there twice;
        names the file, the line and a remedy.
      ImportError: a parquet file without pyarrow.
    """
    tables.existing_file("fields", path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"fields must be one of {', '.join(_READERS)}; got {str(path)!r}.")
    found: dict[str, dict[str, Any]] = {}
    known = frozenset(wanted)
    for where, row in reader(path):
        column = _ID if _ID in row else id_column
        if column not in row:
            raise ValueError(f"{where}: has no column {_ID!r}; its columns are {', '.join(row)}. Rename one.")
        name = str(row.pop(column))
        if name in known:
            if name in found:
                raise ValueError(f"{where}: id {name!r} stands in the file before; leave one out.")
            found[name] = row
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ValueError(
            f"{path}: must have a line for every id asked; {len(missing)} are missing, such as {missing[0]!r}."
        )
    return {name: found[name] for name in wanted}


def _csv(path: Path) -> _Rows:
    table = tables.read_table("fields", path, header="id,text")
    for line in table.lines:
        yield line.where, dict(zip(table.header, line.cells, strict=True))


def _jsonl(path: Path) -> _Rows:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path}, line {number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{where}: is not JSON ({error}); write one object a line, in UTF-8.") from error
            if not isinstance(row, dict):
                raise ValueError(
                    f'{where}: must be an object, such as {{"id": "a", "text": "..."}}; got {line[:80]!r}.'
                )
            yield where, row


def _parquet(path: Path) -> _Rows:
    begin = 0
    with parquet_files.opened(path) as file:
        for batch in file.iter_batches():
            for row, values in enumerate(batch.to_pylist(), start=begin):
                yield f"{path}, row {row} (counted from 0)", values
            begin += batch.num_rows


_READERS: dict[str, Callable[[Path], _Rows]] = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
