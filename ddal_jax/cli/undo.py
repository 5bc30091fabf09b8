"""`ddal undo`: the last ingest taken back, again and again."""

import argparse

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import Answer, add_folder, answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    add_folder(parser)


def main(arguments: argparse.Namespace) -> int:
    """Takes back the last ingest that still stands."""
    return answer(arguments, _undo)


def _undo(arguments: argparse.Namespace) -> Answer:
    found = Campaign(arguments.campaign).undo()
    text = f"Took back ingest {found.ingest} ({found.file}, {found.time}): {found.votes} votes."
    return Answer(text, found._asdict())
