"""`ddal export`: labels given and propagated of the whole pool, all votes, or a round as tasks of a labelling tool."""

import argparse
import shlex
from pathlib import Path
from typing import Any

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import Answer, add_folder, answer, prepare
from ddal_jax.cli.options import OF_THE_LAST_ROUND, round_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    add_folder(parser)
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: export.csv, votes.csv or tasks.json in DIR"
    )
    parser.add_argument(
        "--format",
        default="csv",
        metavar="NAME",
        help="csv (default): the label of every point, given or propagated; votes: every annotator's last word, for "
        "`ddal ingest`; labelstudio: a round as tasks, and labeling_config.xml beside them, unless an edited one is "
        "there",
    )
    parser.epilog = (
        f"{OF_THE_LAST_ROUND} In csv, probability_CLASS is the class's share of what reaches the point; reach is how "
        "likely a walk from there meets a label at all."
    )
    tasks = parser.add_argument_group("--format labelstudio")
    tasks.add_argument("--round", metavar="NNN", help="number of the round, such as 001 (default: the last)")
    tasks.add_argument(
        "--fields",
        type=Path,
        metavar="FILE",
        help=".csv, .jsonl or .parquet with a column id and what else tasks are to hold, such as a text or the address "
        "of an image",
    )
    tasks.add_argument(
        "--show",
        metavar="KIND:FIELD",
        help="what a labeller sees: Text, HyperText, Image, Audio or Video, and the field that holds it, such as "
        "Image:address (default: the first of --fields as Text, or else the id)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Writes the file and tells what is in it."""
    return answer(arguments, _export)


def _export(arguments: argparse.Namespace) -> Answer:
    number = None if arguments.round is None else round_number("--round", arguments.round)
    campaign = Campaign(arguments.campaign)
    prepare()
    found = campaign.export(
        arguments.output, format=arguments.format, number=number, fields=arguments.fields, show=arguments.show
    )
    data = found._asdict()
    return Answer(f"{found.path}\n{_TOLD[arguments.format](data)}", data)


def _of_labels(found: dict[str, Any]) -> str:
    text = "{given} given, {propagated} propagated, {unreached} unreached".format(**found)
    return text + (f"; {found['suspects']} given labels are contradicted by the others" if found["suspects"] else "")


def _of_votes(found: dict[str, Any]) -> str:
    counts = {"vote": found["votes"], "skip": found["skips"]}
    taken_out = found["rows"] - found["votes"] - found["skips"]
    told = [_counted(count, noun) for noun, count in counts.items() if count or noun == "vote"]
    told += [f"{_counted(taken_out, 'point')} taken out for everybody"] if taken_out else []
    text = f"{', '.join(told)}, of {_counted(found['annotators'], 'annotator')}"
    if found["overruled"]:
        text += f"; {found['overruled']} on points taken out for everybody are left out"
    if found["mistakable"]:
        text += (
            f"\nA reader of tables takes {', '.join(found['mistakable'])} for missing or for another number. Begin the "
            f"campaign that is to take them in with ddal init --classes {shlex.quote(','.join(found['classes']))}"
        )
    return text


def _of_tasks(found: dict[str, Any]) -> str:
    text = "{rows} tasks of round {round}\n".format(**found)
    if found["labeling_config"] is None:
        return text + "No labelling configuration, since no class is known yet; `ddal init --classes` names them."
    if found["config_kept"]:
        return text + (
            "{labeling_config} was there and differs; it is left as it is. A new one, without what was edited there, "
            "would show {shown}: move it away and export again."
        ).format(**found)
    return text + "{labeling_config}: shows {shown}".format(**found)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


_TOLD = {"csv": _of_labels, "votes": _of_votes, "labelstudio": _of_tasks}
