"""What Label Studio exports: who said what of which point, from JSON, JSON-MIN, CSV or TSV."""

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ddal_jax.adapters.labelstudio.imports import CONTROL, ID_FIELD

# What JSON-MIN and the tables say of an annotation, beside the data of the task and the answers.
_OF_ANNOTATION = ("annotation_id", "annotator", "created_at", "updated_at", "lead_time")
_REMEDY = "Export the project as JSON, JSON-MIN or CSV."


class Annotation(NamedTuple):
    """What one annotator says of one point.

    Attributes:
      id: of the point.
      label: the class chosen; empty where the point was skipped.
      annotator: the number that Label Studio has for the person, the same in all its exports; empty where it has none.
      action: "set" for a label, "ignore" for a skip.
    """

    id: str
    label: str
    annotator: str
    action: str


class Placed(NamedTuple):
    """What is said, and where in the file: entry or line, with Label Studio's numbers of task and annotation."""

    place: str
    annotation: Annotation


class _Answer(NamedTuple):
    """One annotation as its file gives it, with its place there for errors."""

    place: str
    task: str
    id: Any
    annotator: Any
    updated: str
    cancelled: bool
    choices: list[str]


class _Question(NamedTuple):
    """What is read from a file: the control, None for the only one there is, and the field with the id."""

    path: Path
    control: str | None
    id_field: str


def is_export(path: str | os.PathLike[str]) -> bool:
    """Tells an export from a plain table of labels: it is JSON, or its first line names what annotations have.

    Raises:
      OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        start = file.read(65536).lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] in (b"[", b"{") or _is_header(start.split(b"\n", 1)[0].decode("utf-8", errors="replace"))


def _is_header(line: str) -> bool:
    return all(name in line for name in _OF_ANNOTATION)


def read_annotations(
    path: str | os.PathLike[str], *, control: str | None = None, id_field: str = ID_FIELD
) -> list[Annotation]:
    """Reads labels and skips from an export.

    Tasks that nobody annotated, and annotations that choose nothing, say nothing. Where one person annotated a task
    several times, as after a skip, the last word counts, and so it does among those of whom no person is told; what
    several of them said at one time is all kept. Of the exports, JSON alone has the skips.

    Args:
      path: of the export: JSON, JSON-MIN, CSV or TSV.
      control: name of the Choices to read: by default "label", or in JSON the only one there is.
      id_field: of the task's data, with the id of the point.

    Raises:
      OSError: the file cannot be read.
      ValueError: what is no export, a task without an id, an annotation of several classes, a control that is not
        there; the message names the file, the entry and the remedy.
    """
    return [said.annotation for said in placed_annotations(path, control=control, id_field=id_field)]


def placed_annotations(
    path: str | os.PathLike[str], *, control: str | None = None, id_field: str = ID_FIELD
) -> list[Placed]:
    """Reads what `read_annotations` does, each with its place, for those who must say where two of them disagree."""
    question = _Question(Path(path), control, id_field)
    text = _text(question.path)
    answers = _of_json(text, question) if text[0] in "[{" else _of_rows(_rows(text, question.path), question)
    spoken = [answer for answer in _last_words(answers) if answer.cancelled or answer.choices]
    return [Placed(answer.place, _annotation(answer, question)) for answer in spoken]


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig").lstrip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8, as all exports are. {_REMEDY}") from error
    if not text:
        raise ValueError(f"{path} is empty. {_REMEDY}")
    return text


def _last_words(answers: Iterable[_Answer]) -> list[_Answer]:
    last: dict[tuple[str, str], list[_Answer]] = {}
    for answer in answers:
        name = _name(answer.annotator)
        kept = last.setdefault((answer.task, name), [])
        if kept and answer.updated < kept[0].updated:
            continue
        # At one time, one person has a last word; nobody in particular may be several people.
        if name or (kept and answer.updated > kept[0].updated):
            kept.clear()
        kept.append(answer)
    return [answer for kept in last.values() for answer in kept]


def _annotation(answer: _Answer, question: _Question) -> Annotation:
    if isinstance(answer.id, bool) or not isinstance(answer.id, str | int) or answer.id == "":
        raise ValueError(
            f"{question.path}, {answer.place}: the field {question.id_field!r} of the task must hold the id of a "
            f"point; got {answer.id!r}. Label the tasks that were written for Label Studio, or name the field that "
            "holds the id (--map id=FIELD)."
        )
    if answer.cancelled:
        return Annotation(str(answer.id), "", _name(answer.annotator), "ignore")
    if len(answer.choices) > 1:
        raise ValueError(
            f"{question.path}, {answer.place}: point {answer.id!r} has {len(answer.choices)} classes, "
            f'{", ".join(map(repr, answer.choices))}. Choose one; choice="single" in the labelling configuration '
            "sees to that."
        )
    return Annotation(str(answer.id), answer.choices[0], _name(answer.annotator), "set")


def _name(annotator: Any) -> str:
    annotator = annotator.get("id") if isinstance(annotator, Mapping) else annotator
    return "" if annotator is None else str(annotator)


def _of_json(text: str, question: _Question) -> list[_Answer]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{question.path} is not JSON, or cut off: {error}. {_REMEDY}") from error
    entries = entries if isinstance(entries, list) else [entries]
    placed = {f"entry {number}": entry for number, entry in enumerate(entries, start=1)}
    kinds = {place: _is_task(entry) for place, entry in placed.items()}
    for place, entry in placed.items():
        if not kinds[place] and not (isinstance(entry, dict) and "annotation_id" in entry):
            raise ValueError(f"{question.path}, {place} has neither annotations nor an annotation_id. {_REMEDY}")
    if not any(kinds.values()):
        return _of_rows(placed, question)
    odd = next((place for place, is_task in kinds.items() if not is_task), None)
    if odd:
        raise ValueError(f"{question.path}, {odd} is of JSON-MIN and other entries are of JSON. {_REMEDY}")
    return _of_tasks(placed, question)


def _is_task(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("data"), dict) and _are_dicts(entry.get("annotations"))


def _are_dicts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _of_tasks(placed: Mapping[str, dict[str, Any]], question: _Question) -> list[_Answer]:
    """Reads JSON: a task has its data and all its annotations, skips among them."""
    found = []
    for place, entry in placed.items():
        for number, annotation in enumerate(entry["annotations"], start=1):
            at = f"{place}, annotation {number}" if len(entry["annotations"]) > 1 else place
            at += _numbers(entry.get("id"), annotation.get("id"))
            if not _are_dicts(annotation.get("result")):
                raise ValueError(f"{question.path}, {at} has no list of results. {_REMEDY}")
            found.append((at, place, entry["data"].get(question.id_field), annotation))
    results = [result for *_, annotation in found for result in annotation["result"]]
    names = dict.fromkeys(str(result.get("from_name")) for result in results if result.get("type") == "choices")
    control = _control(list(names), question)
    return [
        _Answer(
            place,
            task,
            name,
            annotation.get("completed_by"),
            str(annotation.get("updated_at") or ""),
            bool(annotation.get("was_cancelled")),
            [choice for result in annotation["result"] for choice in _choices(result, control, place, question)],
        )
        for place, task, name, annotation in found
    ]


def _control(names: Sequence[str], question: _Question) -> str:
    control = question.control or (names[0] if len(names) == 1 else CONTROL)
    if names and control not in names:
        raise ValueError(
            f"{question.path} has no answers of the control {control!r}; it has those of "
            f"{', '.join(map(repr, names))}. Name the one that tells the class (--map "
            "label=CONTROL)."
        )
    return control


def _choices(result: Mapping[str, Any], control: str, place: str, question: _Question) -> list[str]:
    if result.get("from_name") != control or result.get("type") != "choices":
        return []
    value = result.get("value")
    return _strings(value.get("choices") if isinstance(value, dict) else None, place, question)


def _strings(choices: Any, place: str, question: _Question) -> list[str]:
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise ValueError(f"{question.path}, {place}: choices must be a list of class names; got {choices!r}. {_REMEDY}")
    return choices


def _rows(text: str, path: Path) -> dict[str, dict[str, Any]]:
    """Reads CSV or TSV; cells stay as written, so that 007 stays an id."""
    header = text.split("\n", 1)[0]
    if not _is_header(header):
        raise ValueError(
            f"{path}, line 1: a table exported by Label Studio has columns {', '.join(_OF_ANNOTATION)}; got "
            f"{header.strip()[:200]!r}. {_REMEDY}"
        )
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in header else ",", strict=True)
    placed, begin = {}, 2
    try:
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"{path}, line {begin} has not as many cells as the first line. {_REMEDY}")
            cells = {key: None if key in _OF_ANNOTATION and cell == "" else cell for key, cell in row.items()}
            placed[f"line {begin}"], begin = cells, reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {begin}: {error}. Export the project as JSON.") from error
    return placed


def _of_rows(placed: Mapping[str, dict[str, Any]], question: _Question) -> list[_Answer]:
    """Reads JSON-MIN or a table: a row has the data of its task, one annotation of it, and no skips."""
    annotated = {place: row for place, row in placed.items() if row["annotation_id"] is not None}
    columns = dict.fromkeys(column for row in annotated.values() for column in row)
    control = question.control or CONTROL
    if annotated and control not in columns:
        raise ValueError(
            f"{question.path} has no answers of the control {control!r}; it has the fields {', '.join(columns)}. Name "
            "the one that tells the class (--map label=CONTROL)."
        )
    return [
        _Answer(
            place + _numbers(row.get("id"), row["annotation_id"]),
            place if row.get("id") is None else str(row["id"]),
            row.get(question.id_field),
            row.get("annotator"),
            str(row.get("updated_at") or ""),
            False,
            _chosen(row.get(control), place, question),
        )
        for place, row in annotated.items()
    ]


def _numbers(task: Any, annotation: Any) -> str:
    """Returns the numbers that Label Studio shows for a task and an annotation, in brackets."""
    told = [f"{kind} {number}" for kind, number in (("task", task), ("annotation", annotation)) if number is not None]
    return f" ({', '.join(told)})" if told else ""


def _chosen(answer: Any, place: str, question: _Question) -> list[str]:
    """Reads one answer: a class name, or what stands for several."""
    if isinstance(answer, str) and answer.startswith('{"choices":'):
        with contextlib.suppress(ValueError):
            answer = json.loads(answer)
    if isinstance(answer, dict):
        return _strings(answer.get("choices"), place, question)
    return _strings([] if answer in (None, "") else [answer], place, question)
