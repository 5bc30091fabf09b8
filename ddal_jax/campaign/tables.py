"""Text tables that people hand in: CSV in UTF-8, read line by line, so that every refusal names its line.

What parts the cells is told by the header: the first of comma, semicolon and tab that stands in it outside quotes.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SAMPLE = 4096
# Texts to be labelled stand in cells; csv's own limit is 128 KiB.
_LARGEST_CELL = 2**27
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# Line ends of any kind, and surrogates, which UTF-8 has no form for. csv of Python 3.11 does not quote a lone \r.
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Line(NamedTuple):
    """One record of a table.

    Attributes:
      where: file and line, for messages.
      cells: as written, without space around.
    """

    where: str
    cells: list[str]


class Table(NamedTuple):
    """A table with a header; `lines` can be gone through once, and refuses a line of another length.

    Attributes:
      header: names of the columns.
      where: file and line of the header, for messages.
      lines: below the header; blank ones are left out, unless there is a single column.
    """

    header: list[str]
    where: str
    lines: Iterator[Line]


def refuse_control_characters(where: str, role: str, name: str) -> None:
    """Refuses an id, a label or the like that would break the lines of the files it is written to."""
    found = _NOT_IN_NAMES.search(name)
    if found:
        raise ValueError(
            f"{where}: {role} {name!r} must have no line breaks or other control characters; got {found[0]!r}. Replace "
            "it, by a space for example."
        )


def refuse_undecodable_path(role: str, path: Path) -> None:
    """Refuses a path that is no text, which neither the record nor what is printed could name."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{role} must have a name that is text; got {ascii(str(path))}. Rename it.") from None


def existing_file(role: str, path: Path) -> Path:
    """Returns a path that leads to a file, or refuses it."""
    refuse_undecodable_path(role, path)
    if not path.is_file():
        what = "that is a folder" if path.is_dir() else "there is no such file"
        raise ValueError(f"{role} must be a file; got {str(path)!r}, and {what}.")
    return path


def read_table(role: str, path: Path, *, header: str) -> Table:
    """Opens a CSV file.

    A byte order mark of UTF-8 and lines ended by CR LF are taken as they come.

    Args:
      role: what the file is for, for messages.
      path: of the file.
      header: what a header line may look like, for messages.

    Raises:
      ValueError: no such file, an empty one, another encoding, a line that is not CSV or has another number of cells
        than the header (both while it is gone through).
    """
    separator = _separator(existing_file(role, path))
    lines = _lines(path, separator)
    first = next((line for line in lines if any(line.cells)), None)
    if first is None:
        raise ValueError(f"{path} is empty; its first line must name the columns: {header}.")
    repeated = sorted({name for name in first.cells if first.cells.count(name) > 1})
    if repeated:
        raise ValueError(f"{first.where}: column {repeated[0]!r} stands there twice; rename one.")
    return Table(first.cells, first.where, _of_one_length(lines, len(first.cells), separator))


def place_of(header: list[str], name: str) -> int | None:
    """Returns which column has a name, in other capitals if need be; None if none has, or only several in others."""
    if name in header:
        return header.index(name)
    alike = [place for place, other in enumerate(header) if other.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def read_lines(role: str, path: Path) -> Iterator[Line]:
    """Goes through the lines of a CSV file, blank ones left out, whatever their length."""
    return (line for line in _lines(existing_file(role, path)) if any(line.cells))


def _of_one_length(lines: Iterator[Line], expected: int, separator: str) -> Iterator[Line]:
    for line in lines:
        if not line.cells and expected > 1:
            continue
        if len(line.cells) != expected:
            raise ValueError(
                f"{line.where}: must have {expected} cells, as the header has; got {len(line.cells)}. "
                f"Quote cells that contain {_SEPARATORS[separator]}."
            )
        yield line


def _separator(path: Path) -> str:
    """Returns what parts the cells of a file's header."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = next((line for line in file if line.strip()), "")
    csv.field_size_limit(_LARGEST_CELL)
    parting = (mark for mark in _SEPARATORS if len(next(csv.reader([header], delimiter=mark))) > 1)
    return next(parting, ",")


def _lines(path: Path, separator: str = ",") -> Iterator[Line]:
    _refuse_what_is_no_text(path)
    csv.field_size_limit(_LARGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True, delimiter=separator)
        start = 1
        try:
            for cells in reader:
                yield Line(f"{path}, line {start}", [cell.strip() for cell in cells])
                start = reader.line_num + 1
        except UnicodeDecodeError:
            raise ValueError(
                f"{path}, line {_undecodable(path)}: must be UTF-8 text; save the file as UTF-8."
            ) from None
        except csv.Error as error:
            raise ValueError(f"{path}, line {start}: is not CSV ({error}); check its quotes.") from None


def _refuse_what_is_no_text(path: Path) -> None:
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    if sample.startswith(_UTF16):
        raise ValueError(f"{path}, line 1: must be UTF-8 text; got UTF-16. Save the file as UTF-8.")
    if b"\0" in sample:
        raise ValueError(f"{path}, line 1: must be UTF-8 text; got NUL bytes. Save the table as CSV in UTF-8.")


def _undecodable(path: Path) -> int:
    """Returns the first line that is no UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1
