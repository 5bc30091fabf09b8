"""`ddal export`: labels given and propagated of the whole pool, or a round as tasks of a labelling tool."""

import argparse
from pathlib import Path

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import Answer, add_folder, answer, prepare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    add_folder(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: export.csv or tasks.json in DIR")
    parser.add_argument(
        "--format", default="csv", metavar="NAME", help="csv (default), or labelstudio: tasks of the last round"
    )


def main(arguments: argparse.Namespace) -> int:
    """Writes the file and tells what is in it."""
    return answer(arguments, _export)


def _export(arguments: argparse.Namespace) -> Answer:
    campaign = Campaign(arguments.campaign)
    prepare()
    found = campaign.export(arguments.output, format=arguments.format)
    text = f"{found.path}\n"
    if arguments.format == "csv":
        text += f"{found.given} given, {found.propagated} propagated, {found.unreached} unreached"
        text += f"; {found.suspects} given labels are contradicted by the others" if found.suspects else ""
    else:
        text += f"{found.rows} tasks"
    return Answer(text, found._asdict())
