"""Votes from tables of labels: which column is what, what counts as missing, and numbers that became floats.

A label that is missing (empty, NA, NaN, null, None, -1 and the like) says nothing: its line is passed over, and the
word is told, since it may have been meant as a class. Whole numbers written as 3.0, as tables with missing labels have
them, are read as 3. Neither rule applies to a name that is one of the fixed classes, nor to what is no table: the
choices of a labelling tool are class names as they are.
"""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from ddal_jax.campaign import tables
from ddal_jax.campaign.store import ACTIONS, SET

COLUMNS = ("id", "label", "annotator", "action")
MISSING = frozenset({"", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "nil", "nat", "-1", "-1.0"})
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


class Said(NamedTuple):
    """What a file says, line by line.

    Attributes:
      votes: in order.
      missing: what stands in place of a label where it is missing, once for each such line.
    """

    votes: list[Vote]
    missing: list[str]


def votes_of(table: tables.Table, columns: Mapping[str, str], classes: Collection[str]) -> Said:
    """Reads a table of labels.

    Args:
      table: with columns `COLUMNS`, of which `annotator` and `action` may be absent; others are left alone.
      columns: names of columns, where they differ.
      classes: names that are classes whatever they look like.

    Raises:
      ValueError: a column that is not there, a line without an id or with an unknown action, no line at all.
    """
    places = _places(table, columns)
    said = Said([], [])
    for line in table.lines:
        cells = [line.cells[places[column]] if column in places else "" for column in COLUMNS]
        vote = _vote(line.where, *cells)
        if vote.action != SET:
            said.votes.append(vote)
        elif (label := _settled(vote.label or "", classes)) is None:
            said.missing.append(vote.label or "")
        else:
            said.votes.append(vote._replace(label=label))
    if not said.votes and not said.missing:
        raise ValueError(f"{table.where}: holds no line below its header; there must be one for each label.")
    return said


def _places(table: tables.Table, columns: Mapping[str, str]) -> dict[str, int]:
    """Returns where each of `COLUMNS` stands that is there, or refuses a table that lacks one it must have."""
    found = {column: tables.place_of(table.header, columns.get(column, column)) for column in COLUMNS}
    needed = {"id", *columns} if found["action"] is not None else {"id", "label", *columns}
    for column, place in found.items():
        if place is None and column in needed:
            name = columns.get(column, column)
            raise ValueError(
                f"{table.where}: has no column {name!r}; its columns are {', '.join(table.header)}. Rename one, or say "
                f"--map {column}=COLUMN."
            )
    return {column: place for column, place in found.items() if place is not None}


def _vote(where: str, name: str, label: str, annotator: str, action: str) -> Vote:
    action = action.lower() or SET
    if action not in ACTIONS:
        raise ValueError(f"{where}: action must be one of {', '.join(ACTIONS)}; got {action!r}.")
    if not name:
        raise ValueError(f"{where}: has no id; give it one or leave the line out.")
    if action != SET and label.lower() not in MISSING:
        raise ValueError(
            f"{where}: has the label {label!r} and the action {action!r}, which takes none; leave one out."
        )
    return Vote(where, name, action, label if action == SET else None, annotator)


def _settled(label: str, classes: Collection[str]) -> str | None:
    """Returns a label in its usual form; None where it is missing."""
    if label in classes:
        return label
    if label.lower() in MISSING:
        return None
    whole = _WHOLE_NUMBER.fullmatch(label)
    return whole[1] if whole else label
