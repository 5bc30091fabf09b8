"""Labels as they come back: a table of ids and labels, or a labelling tool's export; read whole or refused.

A table is CSV, or JSON records. Its columns are `id`, `label` and, where they are there, `annotator` and `action`
("set", "unset" or "ignore"; an empty one is "set"); others are left alone, so that `queries.csv` with a column `label`
added will do. What counts as a missing label there stands in `label_tables`.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ddal_jax.adapters import labelstudio
from ddal_jax.campaign import label_records, label_tables, tables
from ddal_jax.campaign.label_tables import COLUMNS, Said, Vote
from ddal_jax.campaign.store import IGNORE, SET

_OF_EXPORTS = ("id", "label")
_LONGEST_LABEL = 4000


class LabelFile(NamedTuple):
    """What a file of labels holds.

    Attributes:
      name: of the file.
      votes: one of each annotator on an id.
      num_missing: lines without a label.
      missing_words: words that were taken for a missing label there, such as NA; without the empty one.
      digest: the same for the same votes.
    """

    name: str
    votes: list[Vote]
    num_missing: int
    missing_words: tuple[str, ...]
    digest: str


def read_labels(path: Path, *, columns: Mapping[str, str], classes: Collection[str] | None) -> LabelFile:
    """Reads a file of labels.

    Args:
      path: CSV, JSON records, or what a labelling tool exports (Label Studio: JSON, JSON-MIN, CSV).
      columns: names of columns, where they differ from `COLUMNS`; of an export, the field of the task with the id, and
        the control with the label.
      classes: the classes, where they are fixed.

    Raises:
      ValueError: names the file, the line and a remedy.
    """
    tables.existing_file("labels", path)
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        raise ValueError(f"columns must name some of {', '.join(COLUMNS)}; got {unknown[0]!r}.")
    fixed = frozenset(classes or ())
    said = _said_in(path, columns, fixed)
    for vote in said.votes:
        _check(vote, fixed)
    votes = _one_of_each(said.votes)
    _refuse_ignored_and_labeled(votes)
    words = tuple(dict.fromkeys(filter(None, said.missing)))
    return LabelFile(path.name, votes, len(said.missing), words, _digest(votes))


def _said_in(path: Path, columns: Mapping[str, str], fixed: Collection[str]) -> Said:
    if path.stat().st_size and labelstudio.is_export(path):
        if not label_records.is_records(path):
            return Said(_from_tool(path, columns), [])
        names = {column: columns.get(column, column) for column in COLUMNS}
        return label_tables.votes_of(label_records.read_records(path, names=names), columns, fixed)
    table = tables.read_table("labels", path, header="id,label or id,label,annotator")
    return label_tables.votes_of(table, columns, fixed)


def _from_tool(path: Path, columns: Mapping[str, str]) -> list[Vote]:
    other = sorted(set(columns) - set(_OF_EXPORTS))
    if other:
        raise ValueError(
            f"columns must name some of {', '.join(_OF_EXPORTS)} for {path}, which a labelling tool exported; got "
            f"{other[0]!r}."
        )
    found = labelstudio.placed_annotations(
        path, control=columns.get("label"), id_field=columns.get("id", labelstudio.ID_FIELD)
    )
    return [
        Vote(f"{path}, {place}", name, action, label if action == SET else None, annotator)
        for place, (name, label, annotator, action) in found
    ]


def _check(vote: Vote, fixed: Collection[str]) -> None:
    for role, name in (("id", vote.id), ("annotator", vote.annotator), ("label", vote.label or "")):
        tables.refuse_control_characters(vote.where, role, name)
    if vote.label is None:
        return
    if len(vote.label) > _LONGEST_LABEL:
        raise ValueError(f"{vote.where}: a label has at most {_LONGEST_LABEL} characters; got {len(vote.label)}.")
    if fixed and vote.label not in fixed:
        raise ValueError(
            f"{vote.where}: label {vote.label!r} is none of the classes {', '.join(sorted(fixed))}, which were fixed "
            "when the campaign began; correct it."
        )


def _one_of_each(votes: Sequence[Vote]) -> list[Vote]:
    """Drops what is said twice, and refuses what is said in two ways."""
    kept: dict[tuple[str, str], Vote] = {}
    for vote in votes:
        first = kept.setdefault((vote.id, vote.annotator), vote)
        if (first.action, first.label) != (vote.action, vote.label):
            by = f"annotator {vote.annotator!r} gives" if vote.annotator else "the file gives"
            raise ValueError(
                f"{vote.where}: {by} id {vote.id!r} {_words(vote)}, but {_words(first)} at {first.where}; leave one "
                "out."
            )
    return list(kept.values())


def _refuse_ignored_and_labeled(votes: Sequence[Vote]) -> None:
    ignored = {vote.id: vote for vote in votes if vote.action == IGNORE and not vote.annotator}
    for vote in votes:
        if vote.action == SET and vote.id in ignored:
            raise ValueError(
                f"{vote.where}: gives id {vote.id!r} {_words(vote)}, but it is to be ignored at "
                f"{ignored[vote.id].where}; leave one out."
            )


def _words(vote: Vote) -> str:
    return f"label {vote.label!r}" if vote.action == SET else f"action {vote.action!r}"


def _digest(votes: Sequence[Vote]) -> str:
    content = json.dumps([vote[1:] for vote in votes])
    return hashlib.sha256(content.encode()).hexdigest()
