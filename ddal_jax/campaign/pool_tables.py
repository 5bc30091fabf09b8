"""Pools in tables: CSV and parquet. Columns of numbers are features; a column of ids is kept apart."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from ddal_jax.campaign import tables
from ddal_jax.campaign.tables import Line

# As features they would tell the answer.
_LABEL_NAMES = ("label", "labels", "class", "target", "y")
_ROWS_AT_ONCE = 4096
_Ids = tuple[str, np.ndarray] | None


def read_csv(path: Path, id_column: Callable[[list[str]], str | None]) -> tuple[Float[np.ndarray, "n d"], _Ids]:
    """Reads a CSV file whose columns are numbers, one of ids excepted.

    Args:
      path: of the file.
      id_column: tells from the names of the columns which one holds ids, if any.

    Returns:
      Features, float32, and the ids' column with its name.

    Raises:
      ValueError: names the line, and the column where one is at fault.
    """
    table = tables.read_table("POOL", path, header="id,f0,f1,... or f0,f1,...")
    _check_header(table.header, table.where)
    column = id_column(table.header)
    at = None if column is None else table.header.index(column)
    names = [name for name in table.header if name != column]
    _refuse_labels(path, names)
    ids: list[str] = []
    parts, rows = [], []
    for line in table.lines:
        if at is not None:
            ids.append(line.cells.pop(at))
        rows.append(_numbers(line, names))
        if len(rows) == _ROWS_AT_ONCE:
            parts.append(np.asarray(rows, np.float32))
            rows = []
    parts.append(np.asarray(rows, np.float32).reshape(len(rows), len(names)))
    return np.concatenate(parts), None if column is None else (column, np.asarray(ids, object))


def read_parquet(path: Path, id_column: Callable[[list[str]], str | None]) -> tuple[Shaped[np.ndarray, "n d"], _Ids]:
    """Reads a parquet file: one column of lists of numbers, or else columns of numbers, one of ids excepted.

    Beside a column of lists all others are left alone.

    Raises:
      ValueError: a damaged file, lists of different lengths, columns that are no numbers, missing values.
      ImportError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError('A .parquet file needs pyarrow: pip install "ddal-jax[parquet]".') from error
    try:
        table = parquet.ParquetFile(path).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read as parquet: {error} It may be cut off; write it again.") from error
    column = id_column(table.column_names)
    rest = [name for name in table.column_names if name != column]
    lists = [name for name in rest if _is_list(table.schema.field(name).type)]
    if len(lists) > 1:
        raise ValueError(f"{path} must have a single column of lists; got {', '.join(lists)}. Leave the others out.")
    features = _stacked(path, lists[0], table[lists[0]]) if lists else _side_by_side(path, rest, table)
    return features, None if column is None else (column, np.asarray(table[column].to_pylist(), object))


def _check_header(header: list[str], where: str) -> None:
    if "" in header:
        raise ValueError(
            f"{where}: column {header.index('') + 1} has no name. If it holds row numbers, write the table without "
            "them (pandas: index=False); else name it."
        )
    # Numbers from 0 are how pandas names columns; other numbers are a first row of data.
    if all(map(_is_number, header)) and header != [str(index) for index in range(len(header))]:
        raise ValueError(f"{where}: holds numbers where the columns should be named; add a line like f0,f1,...")


def _refuse_labels(path: Path, names: list[str]) -> None:
    found = [name for name in names if name.lower() in _LABEL_NAMES]
    if found:
        raise ValueError(
            f"{path}: column {found[0]!r} looks like labels, which must not be features. Leave it out and hand it in "
            "as --labels, or rename it."
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(line: Line, names: list[str]) -> np.ndarray:
    try:
        # Missing cells are refused by what they are, not as text.
        values = np.asarray([float(cell) if cell else np.nan for cell in line.cells])
    except ValueError:
        at = next(index for index, cell in enumerate(line.cells) if cell and not _is_number(cell))
        raise ValueError(
            f"{line.where}: column {names[at]!r} must hold numbers, with a point for decimals; got {line.cells[at]!r}. "
            f"If it holds ids, say --ids {names[at]}; else leave it out."
        ) from None
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(
            f"{line.where}: column {names[at]!r} must be finite; got {line.cells[at]!r}. Fill it in or leave the line "
            "out."
        )
    return values


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def _stacked(path: Path, name: str, column: Any) -> Shaped[np.ndarray, "n d"]:
    from pyarrow import types

    whole = column.combine_chunks()
    fixed = types.is_fixed_size_list(whole.type)
    lengths = np.full(len(whole), whole.type.list_size) if fixed else whole.value_lengths().to_numpy(False)
    # The length of a missing list is NaN, which differs from itself too.
    differing = np.flatnonzero(lengths != lengths[:1])
    if whole.null_count or differing.size:
        row = int(differing[0]) if differing.size else whole.is_null().to_pylist().index(True)
        raise ValueError(
            f"{path}: the lists of column {name!r} must all be there and of one length; row {row} (counted from 0) "
            "differs from row 0 or is missing."
        )
    flat = _plain(path, name, whole.flatten())
    return flat.reshape(len(whole), -1) if len(whole) else np.zeros((0, 1), np.float32)


def _side_by_side(path: Path, names: list[str], table: Any) -> Shaped[np.ndarray, "n d"]:
    _refuse_labels(path, names)
    columns = [_plain(path, name, table[name]) for name in names]
    return np.column_stack(columns) if columns else np.zeros((table.num_rows, 0), np.float32)


def _plain(path: Path, name: str, column: Any) -> np.ndarray:
    from pyarrow import types

    if not (types.is_floating(column.type) or types.is_integer(column.type)):
        raise ValueError(
            f"{path}: column {name!r} must hold numbers; got {column.type}. If it holds ids, say --ids {name}; else "
            "leave it out."
        )
    if column.null_count:
        row = next(row for row, value in enumerate(column.to_pylist()) if value is None)
        raise ValueError(
            f"{path}: column {name!r} has no value in row {row} (counted from 0); fill it in or leave it out."
        )
    return column.to_numpy()
