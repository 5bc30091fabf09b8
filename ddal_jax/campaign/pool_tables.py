"""Pools in tables: CSV and parquet. Columns of numbers are features; what names the rows is none.

Columns named `id` or `ids`, in any capitals, and the index that pandas writes into a parquet file are never features,
wherever the ids come from.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped

from ddal_jax.campaign import parquet_files, tables

ID_NAMES = ("id", "ids")
# As features they would tell the answer.
_LABEL_NAMES = ("label", "labels", "class", "target", "y")
_ROWS_AT_ONCE = 4096
_FLOAT32_MAX = float(np.finfo(np.float32).max)


class Contents(NamedTuple):
    """What the file of a pool holds; ids are as they stand there, and not yet checked.

    Attributes:
      features: as stored; an .npy stays on the disk until it is used.
      columns: names of what the features were taken from; None where nothing has a name.
      ids: the column of ids with its name, if there is one.
    """

    features: Shaped[np.ndarray, "..."]
    columns: tuple[str, ...] | None
    ids: tuple[str, np.ndarray] | None


def is_id_name(name: str) -> bool:
    """Tells whether a column of this name holds ids, so that it is no feature."""
    return name.casefold() in ID_NAMES


def read_csv(path: Path, id_column: Callable[[list[str]], str | None]) -> Contents:
    """Reads a CSV file whose columns are numbers, those of ids excepted.

    Args:
      path: of the file.
      id_column: tells from the names of the columns which one holds ids, if any.

    Returns:
      What it holds, with features as float32.

    Raises:
      ValueError: names the line, and the column where one is at fault.
    """
    table = tables.read_table("pool", path, header="id,f0,f1,... or f0,f1,...")
    _check_header(table.header, table.where)
    column = id_column(table.header)
    at = None if column is None else table.header.index(column)
    names = [name for name in table.header if name != column and not is_id_name(name)]
    _refuse_first_row(table, names, column)
    _refuse_labels(path, names)
    places = [table.header.index(name) for name in names]
    ids: list[str] = []
    parts, rows = [], []
    for line in table.lines:
        if at is not None:
            ids.append(line.cells[at])
        rows.append(_numbers(line.where, [line.cells[place] for place in places], names))
        if len(rows) == _ROWS_AT_ONCE:
            parts.append(np.asarray(rows, np.float32))
            rows = []
    parts.append(np.asarray(rows, np.float32).reshape(len(rows), len(names)))
    return Contents(np.concatenate(parts), tuple(names), None if column is None else (column, np.asarray(ids, object)))


def read_parquet(path: Path, id_column: Callable[[list[str]], str | None]) -> Contents:
    """Reads a parquet file: one column of lists of numbers, or else columns of numbers, those of ids excepted.

    Beside a column of lists all others are left alone. An index of strings that pandas wrote holds the ids where no
    other column does.

    Raises:
      ValueError: a damaged file, lists of different lengths, columns that are no numbers, missing values.
      ImportError: pyarrow is not installed.
    """
    with parquet_files.opened(path) as file:
        table = file.read()
    repeated = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if repeated:
        raise ValueError(f"{path}: column {repeated[0]!r} stands there twice; rename one.")
    index = _index_columns(table.schema)
    column = id_column(table.column_names) or _index_of_strings(table.schema, index)
    rest = [name for name in table.column_names if name not in {column, *index} and not is_id_name(name)]
    lists = [name for name in rest if _is_list(table.schema.field(name).type)]
    if len(lists) > 1:
        raise ValueError(f"{path} must have a single column of lists; got {', '.join(lists)}. Leave the others out.")
    features = _stacked(path, lists[0], table[lists[0]]) if lists else _side_by_side(path, rest, table)
    ids = None if column is None else (column, np.asarray(table[column].to_pylist(), object))
    return Contents(features, tuple(lists or rest), ids)


def _index_columns(schema: Any) -> list[str]:
    """Returns the columns that hold the index of a pandas table; one that merely counts has none."""
    told = (schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in told if isinstance(name, str) and name in schema.names]


def _index_of_strings(schema: Any, index: list[str]) -> str | None:
    from pyarrow import types

    if len(index) != 1:
        return None
    kind = schema.field(index[0]).type
    kind = kind.value_type if types.is_dictionary(kind) else kind
    return index[0] if types.is_string(kind) or types.is_large_string(kind) else None


def _check_header(header: list[str], where: str) -> None:
    # What was written without a name, pandas reads and writes again as "Unnamed: 0".
    unnamed = [place for place, name in enumerate(header, start=1) if not name or name.startswith("Unnamed: ")]
    if unnamed:
        raise ValueError(
            f"{where}: column {unnamed[0]} has no name. If it holds row numbers, write the table without "
            "them (pandas: index=False); else name it."
        )
    # Numbers from 0 are how pandas names columns; other numbers are a first row of data.
    if all(map(_is_number, header)) and header != [str(index) for index in range(len(header))]:
        raise ValueError(f"{where}: holds numbers where the columns should be named; add a line like f0,f1,...")


def _refuse_first_row(table: tables.Table, names: list[str], column: str | None) -> None:
    """Refuses a header that is a first row of data, whose id was taken for the name of the ids' column."""
    counted = [str(index) for index in range(len(table.header))]
    if column is None or is_id_name(column) or not names or table.header == counted or names == counted[: len(names)]:
        return
    if all(map(_is_number, names)):
        raise ValueError(
            f"{table.where}: holds numbers beside {column!r} where the columns should be named; add a line like "
            "id,f0,f1,... above. If it does name them, call the column of ids `id`."
        )


def _refuse_labels(path: Path, names: list[str]) -> None:
    found = [name for name in names if name.lower() in _LABEL_NAMES]
    if found:
        raise ValueError(
            f"{path}: column {found[0]!r} looks like labels, which must not be features. Leave it out and hand it in "
            "as --labels, or rename it."
        )


def _is_number(text: str) -> bool:
    try:
        _floats([text])
    except ValueError:
        return False
    return True


def _floats(cells: list[str]) -> np.ndarray:
    # Python reads 1_0 as ten.
    if "_" in "".join(cells):
        raise ValueError("numbers have no underscores.")
    # Missing cells are refused by what they are, not as text.
    return np.asarray([float(cell) if cell else np.nan for cell in cells])


def _numbers(where: str, cells: list[str], names: list[str]) -> np.ndarray:
    try:
        values = _floats(cells)
    except ValueError:
        at = next(index for index, cell in enumerate(cells) if not _is_number(cell))
        raise ValueError(
            f"{where}: column {names[at]!r} must hold numbers, with a point for decimals; got {cells[at]!r}. If it "
            f"holds ids, say --ids {names[at]}; else leave it out."
        ) from None
    # NaN compares as False.
    fits = np.abs(values) <= _FLOAT32_MAX
    if not fits.all():
        at = int(fits.argmin())
        raise ValueError(
            f"{where}: column {names[at]!r} must be finite, and at most {_FLOAT32_MAX:.1e}; got {cells[at]!r}. Fill it "
            "in or leave the line out."
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
