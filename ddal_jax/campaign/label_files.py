"""Labels as they come back: a CSV table of ids and labels, or a labelling tool's export; read whole or refused.

The columns are `id`, `label` and, where they are there, `annotator` and `action` ("set", "unset" or "ignore"; an empty
one is "set"); others are left alone, so that `queries.csv` with a column `label` added will do. A label that is missing
(empty, NA, NaN, null, None, -1 and the like) says nothing: its line is passed over. Whole numbers written as 3.0, as
tables with missing labels have them, are read as 3. Neither rule applies to a name that is one of the fixed classes.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ddal_jax.adapters import labelstudio
from ddal_jax.campaign import tables
from ddal_jax.campaign.store import ACTIONS, IGNORE, SET

COLUMNS = ("id", "label", "annotator", "action")
MISSING = frozenset({"", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "nil", "nat", "-1", "-1.0"})
_LONGEST_LABEL = 4000
_WHOLE_NUMBER = re.compile(r"([+-]?\d+)\.0+")


class Vote(NamedTuple):
    """What one annotator says of one id.

    Attributes:
      where: file and line, for messages.
      id: of the point.
      action: "set", "unset" or "ignore".
      label: of "set", else None.
      annotator: who; empty for nobody in particular.
    """

    where: str
    id: str
    action: str
    label: str | None
    annotator: str


class LabelFile(NamedTuple):
    """What a file of labels holds.

    Attributes:
      name: of the file.
      votes: one of each annotator on an id.
      num_missing: lines without a label.
      digest: the same for the same votes.
    """

    name: str
    votes: list[Vote]
    num_missing: int
    digest: str


def read_labels(path: Path, *, columns: Mapping[str, str], classes: Collection[str] | None) -> LabelFile:
    """Reads a file of labels.

    Args:
      path: CSV, or what a labelling tool exports (Label Studio: JSON, JSON-MIN, CSV).
      columns: names of columns, where they differ from `COLUMNS`.
      classes: the classes, where they are fixed.

    Raises:
      ValueError: names the file, the line and a remedy.
    """
    tables.existing_file("LABELS", path)
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        raise ValueError(f"--map must name some of {', '.join(COLUMNS)}; got {unknown[0]!r}.")
    given = _from_tool(path) if path.stat().st_size and labelstudio.is_export(path) else _from_table(path, columns)
    fixed = frozenset(classes or ())
    settled = [vote for found in given if (vote := _settled(found, fixed)) is not None]
    votes = _one_of_each(settled)
    _refuse_ignored_and_labeled(votes)
    return LabelFile(path.name, votes, len(given) - len(settled), _digest(votes))


def _from_tool(path: Path) -> list[Vote]:
    return [
        Vote(f"{path}, id {name!r}", name, action, label if action == SET else None, annotator)
        for name, label, annotator, action in labelstudio.read_annotations(path)
    ]


def _from_table(path: Path, columns: Mapping[str, str]) -> list[Vote]:
    table = tables.read_table("LABELS", path, header="id,label or id,label,annotator")
    places = _places(table, columns)
    votes = []
    for line in table.lines:
        name, label, annotator, action = (line.cells[places[column]] if column in places else "" for column in COLUMNS)
        action = action.lower() or SET
        if action not in ACTIONS:
            raise ValueError(f"{line.where}: action must be one of {', '.join(ACTIONS)}; got {action!r}.")
        if not name:
            raise ValueError(f"{line.where}: has no id; give it one or leave the line out.")
        if action != SET and label.lower() not in MISSING:
            raise ValueError(
                f"{line.where}: has the label {label!r} and the action {action!r}, which takes none; leave one out."
            )
        votes.append(Vote(line.where, name, action, label if action == SET else None, annotator))
    if not votes:
        raise ValueError(f"{path} holds no line below its header; it must have one for each label.")
    return votes


def _places(table: tables.Table, columns: Mapping[str, str]) -> dict[str, int]:
    places = {}
    for column in COLUMNS:
        name = columns.get(column, column)
        if name in table.header:
            places[column] = table.header.index(name)
        elif column in columns or column == "id" or (column == "label" and "action" not in table.header):
            raise ValueError(
                f"{table.where}: has no column {name!r}; its columns are {', '.join(table.header)}. Rename one, or say "
                f"--map {column}=COLUMN."
            )
    return places


def _settled(vote: Vote, fixed: Collection[str]) -> Vote | None:
    """Returns a vote with its label in its usual form; None where the label is missing."""
    if vote.action != SET:
        return vote
    label = vote.label or ""
    if len(label) > _LONGEST_LABEL:
        raise ValueError(f"{vote.where}: a label has at most {_LONGEST_LABEL} characters; got {len(label)}.")
    if label not in fixed:
        if label.lower() in MISSING:
            return None
        whole = _WHOLE_NUMBER.fullmatch(label)
        label = whole[1] if whole else label
    if fixed and label not in fixed:
        raise ValueError(
            f"{vote.where}: label {label!r} is none of the classes {', '.join(sorted(fixed))}, which were fixed when "
            "the campaign began; correct it."
        )
    return vote._replace(label=label)


def _one_of_each(votes: Sequence[Vote]) -> list[Vote]:
    """Drops what is said twice, and refuses what is said in two ways."""
    kept: dict[tuple[str, str], Vote] = {}
    for vote in votes:
        first = kept.setdefault((vote.id, vote.annotator), vote)
        if (first.action, first.label) != (vote.action, vote.label):
            by = f"annotator {vote.annotator!r} gives" if vote.annotator else "the file gives"
            raise ValueError(
                f"{vote.where}: {by} id {vote.id!r} {_said(vote)}, but {_said(first)} at {first.where}; leave one out."
            )
    return list(kept.values())


def _refuse_ignored_and_labeled(votes: Sequence[Vote]) -> None:
    ignored = {vote.id: vote for vote in votes if vote.action == IGNORE and not vote.annotator}
    for vote in votes:
        if vote.action == SET and vote.id in ignored:
            raise ValueError(
                f"{vote.where}: gives id {vote.id!r} {_said(vote)}, but it is to be ignored at "
                f"{ignored[vote.id].where}; leave one out."
            )


def _said(vote: Vote) -> str:
    return f"label {vote.label!r}" if vote.action == SET else f"action {vote.action!r}"


def _digest(votes: Sequence[Vote]) -> str:
    content = json.dumps([vote[1:] for vote in votes])
    return hashlib.sha256(content.encode()).hexdigest()
