"""Parquet files, opened with errors that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Opens a parquet file for a while, as `pyarrow.parquet.ParquetFile`.

    Raises:
      ValueError: it is damaged, seen when it is opened or while it is read within.
      ImportError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError('A .parquet file needs pyarrow: pip install "ddal-jax[parquet]".') from error
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read as parquet: {error} It may be cut off; write it again.") from error
