"""Pools as people have them: .npy, .npz, .parquet and .csv in, features and ids out. Nothing is ever unpickled.

Where a file has named columns or arrays, ids are those of the one named `id` or `ids` unless another is asked for, and
in parquet those of an index of strings; otherwise rows are named by their numbers, from 0.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from jaxtyping import Float32, Shaped

from ddal_jax.campaign import pool_tables, tables
from ddal_jax.campaign.facts import ROW_NUMBERS
from ddal_jax.campaign.pool_tables import ID_NAMES, Contents, is_id_name

FEATURE_NAMES = ("features", "embeddings", "inputs", "X")
_BLOCK_BYTES = 2**24
_DAMAGE = (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error)


class MissingColumn(ValueError):
    """A pool has no column of the name that was asked for.

    Attributes:
      columns: those that it has.
    """

    def __init__(self, asked: str, columns: list[str]) -> None:
        """Says what is missing and what is there."""
        super().__init__(f"ids must be a column of the pool or a file; got {asked!r}, and columns {columns}.")
        self.columns = columns


class Pool(NamedTuple):
    """A pool as read.

    Attributes:
      features: as stored; an .npy stays on the disk until it is used.
      ids: of the rows, all different.
      ids_from: where the ids come from: "row numbers", "column NAME" or "file NAME".
      columns: names of what the features were taken from; None where nothing has a name.
    """

    features: Shaped[np.ndarray, "n d"]
    ids: list[str]
    ids_from: str
    columns: tuple[str, ...] | None


def read_pool(path: Path, *, ids: str | None = None) -> Pool:
    """Reads a pool and refuses what cannot be used.

    Args:
      path: of the pool.
      ids: name of a column or array of the pool, or else path of a file of ids: .npy, or text with one a line, in the
        order of the rows; None takes the pool's own, or row numbers.

    Raises:
      ValueError: another kind of file, a damaged one or one of objects, rows that are ragged or not finite, numbers out
        of float32's range, ids that are missing or stand there twice; file, row and remedy are named.
      ImportError: a parquet file without pyarrow.
    """
    features, columns, column = read_contents(path, ids=ids)
    if ids is not None and (column is None or column[0] != ids):
        names, ids_from = _names(Path(ids), _read_id_file(path, Path(ids))), f"file {Path(ids).name}"
    elif column is not None:
        names, ids_from = _names(path, column[1]), f"column {column[0]}"
    else:
        names, ids_from = [str(row) for row in range(len(features))], ROW_NUMBERS
    if len(names) != len(features):
        raise ValueError(f"{ids or path} must have one id for each of the {len(features)} rows; got {len(names)}.")
    return Pool(features, names, ids_from, columns)


def read_contents(path: Path, *, ids: str | None = None) -> Contents:
    """Reads a pool whose ids are not needed, or stand elsewhere: only its features are checked.

    Raises:
      ValueError: as `read_pool`, but for what is wrong with ids.
      ImportError: a parquet file without pyarrow.
    """
    tables.existing_file("pool", path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"pool must be one of {', '.join(_READERS)}; got {str(path)!r}.")
    contents = reader(path, ids)
    check_features(path, contents.features)
    return contents


def as_used(features: Shaped[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
    """Returns features as all computations use them, float32 in this machine's order; what is so already is not copied.

    `check_features` saw that they lie in its range.
    """
    return np.asarray(features, np.float32)


def blocks(features: Shaped[np.ndarray, "n d"]) -> Iterator[tuple[int, Shaped[np.ndarray, "m d"]]]:
    """Goes through rows in blocks, with the number of each first row, so that a pool may stay on the disk."""
    rows = max(1, _BLOCK_BYTES // max(1, features.itemsize * features.shape[1]))
    for start in range(0, len(features), rows):
        yield start, np.ascontiguousarray(features[start : start + rows])


def check_features(path: Path, features: np.ndarray) -> None:
    """Refuses features that cannot be used, with the rows at fault."""
    from ddal_jax import array_checks

    if features.ndim != 2 or features.dtype.kind not in "fiu":
        raise ValueError(f"{path} must hold numbers of shape [n, d]; got {features.dtype} of shape {features.shape}.")
    if len(features) < 2 or features.shape[1] < 1:
        raise ValueError(f"{path} must have at least 2 rows and 1 column; got shape {features.shape}.")
    bad: list[int] = []
    largest, extreme = -1.0, 0
    for start, rows in blocks(features):
        # Of numbers wider than float64, what it cannot hold counts as infinity.
        with np.errstate(over="ignore"):
            values = rows.astype(np.float64)
        finite = np.isfinite(values).all(axis=1)
        bad.extend((start + np.flatnonzero(~finite)).tolist())
        sizes = np.abs(values[finite]).max(axis=1, initial=0.0)
        if sizes.size and sizes.max() > largest:
            largest, extreme = float(sizes.max()), start + int(np.flatnonzero(finite)[sizes.argmax()])
    if bad:
        first = ", ".join(map(str, bad[:3]))
        raise ValueError(
            f"{path}: NaN or infinity in {len(bad)} rows, the first being {first} (counted from 0); fill in or leave "
            "out these rows."
        )
    array_checks.features(str(path), features[extreme : extreme + 1].astype(np.float64))


def _read_npy(path: Path, ids: str | None) -> Contents:
    del ids
    return Contents(_load(path, path, mmap_mode="r"), None, None)


def _read_npz(path: Path, ids: str | None) -> Contents:
    with path.open("rb") as handle, _load(path, handle) as file:
        column = _id_column(file.files, ids)
        rest = [name for name in file.files if name != column and not is_id_name(name)]
        named = [name for name in FEATURE_NAMES if name in rest]
        chosen = named[0] if named else rest[0] if len(rest) == 1 else None
        if chosen is None:
            raise ValueError(
                f"{path} must hold its features in an array named {' or '.join(FEATURE_NAMES)}; got "
                f"{', '.join(file.files) or 'nothing'}."
            )
        try:
            return Contents(file[chosen], (chosen,), None if column is None else (column, file[column]))
        except _DAMAGE as error:
            raise ValueError(_not_plain(path, error)) from error


def _read_parquet(path: Path, ids: str | None) -> Contents:
    return pool_tables.read_parquet(path, lambda columns: _id_column(columns, ids))


def _read_csv(path: Path, ids: str | None) -> Contents:
    return pool_tables.read_csv(path, lambda columns: _id_column(columns, ids))


_READERS = {".npy": _read_npy, ".npz": _read_npz, ".parquet": _read_parquet, ".csv": _read_csv}


def _id_column(columns: list[str], asked: str | None) -> str | None:
    if asked is not None:
        if asked not in columns and not Path(asked).is_file():
            raise MissingColumn(asked, columns)
        if asked in columns:
            return asked
    places = (tables.place_of(columns, name) for name in ID_NAMES)
    return next((columns[place] for place in places if place is not None), None)


def _load(path: Path, source: Path | BinaryIO, **how: Any) -> Any:
    """Opens what NumPy wrote: an array from an .npy, a collection from an .npz."""
    try:
        found = np.load(source, allow_pickle=False, **how)
    except _DAMAGE as error:
        raise ValueError(_not_plain(path, error)) from error
    if isinstance(found, np.lib.npyio.NpzFile) != (path.suffix.lower() == ".npz"):
        raise ValueError(f"{path} is not what its name says; .npy is one array (numpy.save), .npz several (savez).")
    return found


def _not_plain(path: Path, error: Exception) -> str:
    if any(word in str(error) for word in ("pickle", "Python objects")):
        return (
            f"{path} holds Python objects, which are never unpickled. Save plain arrays: features by "
            "numpy.save(FILE, numpy.asarray(features, numpy.float32)), ids as numpy.asarray(ids, str)."
        )
    return (
        f"{path} cannot be read as plain arrays of numbers: {str(error).rstrip('.')}. It may be cut off or damaged; "
        "write it again with numpy.save or numpy.savez."
    )


def _read_id_file(pool: Path, path: Path) -> np.ndarray | list[str]:
    if not path.is_file():
        raise ValueError(
            f"ids must be a column or a file; {pool.name} has no columns and there is no file {str(path)!r}."
        )
    tables.refuse_undecodable_path("ids", path)
    if path.suffix.lower() == ".npy":
        return _load(path, path)
    found = []
    for line in tables.read_lines("ids", path):
        if len(line.cells) != 1:
            raise ValueError(f"{line.where}: must hold one id; got {len(line.cells)} cells.")
        found.append(line.cells[0])
    return found


def _names(path: Path, column: np.ndarray | list[str]) -> list[str]:
    """Returns ids as strings, or refuses them."""
    values = np.asarray(column)
    if values.ndim != 1 or values.dtype.kind not in "iuUSOT":
        raise ValueError(f"{path}: ids must be strings or integers, one a row; got {values.dtype} {values.shape}.")
    names, seen = [], {}
    for row, value in enumerate(values.tolist()):
        if isinstance(value, bool) or not isinstance(value, str | bytes | int | None):
            raise ValueError(f"{path}: ids must be strings or integers; got {value!r} in row {row} (counted from 0).")
        name = "" if value is None else _text(path, row, value).strip()
        if not name:
            raise ValueError(f"{path}: row {row} (counted from 0) has no id; give it one.")
        tables.refuse_control_characters(f"{path}, row {row} (counted from 0)", "id", name)
        if seen.setdefault(name, row) != row:
            raise ValueError(
                f"{path}: id {name!r} stands in rows {seen[name]} and {row} (counted from 0); ids must differ."
            )
        names.append(name)
    return names


def _text(path: Path, row: int, value: str | bytes | int) -> str:
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        raise ValueError(f"{path}, row {row} (counted from 0): id {value!r} must be UTF-8 text.") from None
