"""`ddal ingest LABELS`: labels into the campaign, all of a file or nothing."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import Answer, add_folder, answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument(
        "labels", type=Path, metavar="LABELS", help="CSV with columns id,label[,annotator][,action], or an export"
    )
    add_folder(parser)
    parser.add_argument(
        "--map", action="append", default=[], metavar="id=NAME,label=NAME", help="columns that are named otherwise"
    )


def main(arguments: argparse.Namespace) -> int:
    """Takes in the file and tells what changed."""
    return answer(arguments, _ingest)


def _ingest(arguments: argparse.Namespace) -> Answer:
    found = Campaign(arguments.campaign).ingest(arguments.labels, columns=_columns(arguments.map))
    if found.repeated is not None:
        text = f"{arguments.labels} was taken in before, as ingest {found.repeated}; nothing changed."
    else:
        text = f"{arguments.labels}: {found.new} new, {found.changed} changed, {found.same} as before"
        text += f", {found.missing} lines without a label." if found.missing else "."
    return Answer(text, {"labels": str(arguments.labels), **found._asdict()})


def _columns(words: Sequence[str]) -> dict[str, str]:
    pairs = [pair.partition("=") for word in words for pair in word.split(",")]
    wrong = ["".join(pair) for pair in pairs if not all(pair)]
    if wrong:
        raise ValueError(f"--map must be like id=NAME,label=NAME; got {wrong[0]!r}.")
    return {column.strip(): name.strip() for column, _, name in pairs}
