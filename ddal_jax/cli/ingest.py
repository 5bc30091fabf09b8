"""`ddal ingest LABELS`: labels into the campaign, all of a file or nothing."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ddal_jax.campaign import Campaign, Ingested
from ddal_jax.cli.campaign import Answer, add_folder, answer

_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument(
        "labels",
        type=Path,
        metavar="LABELS",
        help="CSV or JSON records with id,label[,annotator][,action], or a labelling tool's export",
    )
    add_folder(parser)
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="id=NAME,label=NAME",
        help="columns that are named otherwise; of an export, the field with the id and the control with the label",
    )


def main(arguments: argparse.Namespace) -> int:
    """Takes in the file and tells what changed."""
    return answer(arguments, _ingest)


def _ingest(arguments: argparse.Namespace) -> Answer:
    found = Campaign(arguments.campaign).ingest(arguments.labels, columns=_columns(arguments.map))
    return Answer(f"{arguments.labels}{_told(found)}", {"labels": str(arguments.labels), **found._asdict()})


def _told(found: Ingested) -> str:
    if found.repeated is not None and found.ingest is None:
        text = f" was taken in before, as ingest {found.repeated}; nothing changed"
    else:
        text = f": {found.new} new, {found.changed} changed{_some(found.changed_ids)}, {found.same} as before"
    text += missing_told(found)
    if found.repeated is not None and found.ingest is not None:
        text += (
            f"\nThe same file was taken in before, as ingest {found.repeated}, and some of its votes had been changed "
            "since; they stand again as it says. If it was the wrong file: ddal undo."
        )
    return text


def missing_told(found: Ingested) -> str:
    """Returns the end of a sentence on labels taken in: how many lines had none, and what to do if they had one."""
    if not found.missing:
        return "."
    text = f", {found.missing} lines without a label{_some(found.missing_words)}."
    if found.missing_words:
        text += " If such a word is a class, begin with all classes named: ddal init --classes."
    return text


def _some(names: Sequence[str]) -> str:
    """Returns the first of some names, in brackets."""
    return f" ({', '.join([*names[:_SHOWN], *(['...'] if len(names) > _SHOWN else [])])})" if names else ""


def _columns(words: Sequence[str]) -> dict[str, str]:
    pairs = [pair.partition("=") for word in words for pair in word.split(",")]
    wrong = ["".join(pair) for pair in pairs if not all(pair)]
    if wrong:
        raise ValueError(f"--map must be like id=NAME,label=NAME; got {wrong[0]!r}.")
    return {column.strip(): name.strip() for column, _, name in pairs}
