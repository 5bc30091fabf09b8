"""Measured claims on disk: JSON lines, of which the first tells how the others came about."""

import dataclasses
import gzip
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ddal_jax.disk import whole
from ddal_jax.theory.claims.types import Effort, Row


@dataclasses.dataclass(frozen=True, kw_only=True)
class Header:
    """How claims were measured.

    Attributes:
      effort: how much.
      environment: versions, device and commit.
      seconds: wall time by claim, compilation included; several are measured side by side.
      total_seconds: wall time of all.
      data: name of the user's own pool, if there was one.
    """

    effort: Effort
    environment: dict[str, Any]
    seconds: dict[str, float]
    total_seconds: float
    data: str | None = None


class Results(NamedTuple):
    """What a results file holds.

    Attributes:
      header: how the rows came about.
      rows: by claim, in the order in which they were measured.
    """

    header: Header
    rows: dict[str, list[Row]]


def plain(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Returns rows as they would come back from a file: Python's own numbers, None for what is not finite.

    What is judged and drawn at once is then the same as what is judged and drawn from the file.
    """
    return [{key: _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray | jax.Array):
        value = np.asarray(value).item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write(path: Path, results: Results) -> None:
    """Writes results, whole or not at all.

    Raises:
      OSError: the disk is full, or nothing may be written there.
    """
    lines = [{"claim": name, "row": row} for name, rows in results.rows.items() for row in plain(rows)]
    head = {"header": dataclasses.asdict(results.header), "num_rows": len(lines)}
    with whole(path) as file:
        file.writelines(f"{json.dumps(line, allow_nan=False)}\n".encode() for line in (head, *lines))


def read(path: Path) -> Results:
    """Reads results, compressed by gzip if the name ends in .gz.

    Raises:
      OSError: the file cannot be read.
      ValueError: anything in it is not as `write` leaves it. The message names the line.
    """
    lines = _content(path).split(b"\n")
    header, num_rows = _header(_object(lines[0], path, 1), path)
    if len(lines) != num_rows + 2 or lines[-1]:
        found = len(lines) - 1
        raise ValueError(f"{path} must hold {num_rows + 1} whole lines, as its first says; got {found}: it is damaged.")
    rows: dict[str, list[Row]] = {name: [] for name in header.seconds}
    for number, line in enumerate(lines[1:-1], start=2):
        content = _object(line, path, number)
        name, row = content.get("claim"), content.get("row")
        if name not in rows:
            raise ValueError(f"line {number} of {path} must name a claim of {', '.join(rows)}; got {name!r}.")
        if not isinstance(row, dict):
            raise ValueError(f"line {number} of {path} must hold a row of {name}; got {row!r:.60}.")
        rows[name].append(row)
    return Results(header, rows)


def _content(path: Path) -> bytes:
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be decompressed: {error}.") from error


def _object(line: bytes, path: Path, number: int) -> dict[str, Any]:
    """Returns the JSON object of a line."""
    try:
        content = json.loads(line.decode(), parse_constant=_refuse_constant)
    except ValueError as error:
        raise ValueError(f"line {number} of {path} is damaged: {error}.") from error
    if not isinstance(content, dict):
        raise ValueError(f"line {number} of {path} must hold a JSON object; got {content!r:.60}.")
    return content


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _header(content: dict[str, Any], path: Path) -> tuple[Header, int]:
    try:
        fields, num_rows = content["header"], content["num_rows"]
        header = Header(**fields | {"effort": Effort(**fields["effort"])})
        return dataclasses.replace(header, seconds={str(k): float(v) for k, v in header.seconds.items()}), int(num_rows)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"line 1 of {path} must be the header that `ddal theory` writes; {path} is another."
        ) from error
