"""Labels as JSON: a list of records, or one record a line, read as the table that they are."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ddal_jax.campaign.tables import Line, Table

# Of a labelling tool's export, whose records are tasks and annotations.
_OF_TOOLS = {"annotations", "annotation_id"}
_FORM = 'Write one record for each label, such as {"id": "a", "label": "cat"}; pandas: orient="records".'


def is_records(path: Path) -> bool:
    """Tells records of labels from the JSON of a labelling tool by the first of them; an empty list is of records."""
    text = _text(path).removeprefix("[").lstrip()
    if text.startswith("]"):
        return True
    try:
        first, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and not _OF_TOOLS & first.keys() and not isinstance(first.get("data"), dict)


def read_records(path: Path, *, names: Mapping[str, str]) -> Table:
    """Reads records as a table that has the fields of all of them.

    Args:
      path: of the file.
      names: of the fields that will be looked at, by what they are; what others hold is left alone.

    Raises:
      ValueError: no JSON, an entry that is no record, a field that is looked at and holds several values.
    """
    entries = _entries(path)
    header = list(dict.fromkeys(field for _, entry in entries for field in entry))
    wanted = {name.casefold() for name in names.values()}
    return Table(header, str(path), _lines(entries, header, {name for name in header if name.casefold() in wanted}))


def _lines(entries: list[tuple[str, dict[str, Any]]], header: list[str], wanted: set[str]) -> Iterator[Line]:
    for where, entry in entries:
        yield Line(where, [_cell(where, name, entry.get(name)) if name in wanted else "" for name in header])


def _cell(where: str, name: str, value: Any) -> str:
    if isinstance(value, list | dict):
        raise ValueError(f"{where}: field {name!r} must hold a string or a number; got {json.dumps(value)}. {_FORM}")
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value)


def _entries(path: Path) -> list[tuple[str, dict[str, Any]]]:
    text = _text(path)
    entries = _list(path, text) if text.startswith("[") else _one_a_line(path, text)
    if not entries:
        raise ValueError(f"{path}: holds no record; there must be one for each label. {_FORM}")
    for where, entry in entries:
        if not isinstance(entry, dict):
            raise ValueError(f"{where}: must be a record; got {json.dumps(entry)[:200]}. {_FORM}")
    return entries


def _list(path: Path, text: str) -> list[tuple[str, Any]]:
    return [(f"{path}, record {number}", entry) for number, entry in enumerate(_parsed(str(path), text), start=1)]


def _one_a_line(path: Path, text: str) -> list[tuple[str, Any]]:
    try:
        return [(f"{path}, record 1", json.loads(text))]
    except (ValueError, RecursionError):
        lines = enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1)
        placed = [(f"{path}, line {number}", line) for number, line in lines if line.strip()]
        return [(where, _parsed(where, line)) for where, line in placed]


def _parsed(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: is not JSON, or cut off ({error}); write it again.") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").lstrip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8.") from error
