"""`ddal status`: where a campaign stands, and whether to go on."""

import argparse
from collections.abc import Sequence
from typing import Any

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import Answer, add_folder, answer, prepare, table
from ddal_jax.cli.options import OF_THE_LAST_ROUND

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    add_folder(parser)
    parser.epilog = OF_THE_LAST_ROUND


def main(arguments: argparse.Namespace) -> int:
    """Prints the report."""
    return answer(arguments, _status)


def _status(arguments: argparse.Namespace) -> Answer:
    campaign = Campaign(arguments.campaign)
    prepare()
    found = campaign.status()
    return Answer(_told(found), found)


def _told(found: dict[str, Any]) -> str:
    classes = ", ".join(f"{name}: {count}" for name, count in found["per_class"].items()) or "none yet"
    lines = [
        ("pool", f"{found['pool']} points, ids are {found['ids_from']}"),
        ("labeled", f"{found['labeled']} ({classes})"),
        ("ignored", found["ignored"]),
        ("tied", _tied(found["tied_ids"])),
        ("outstanding", f"{found['outstanding']} asked and not labelled yet"),
        ("rounds", found["rounds"]),
        ("unexplored", f"{found['unexplored_share']:.1%} of the pool is reached by no label"),
        ("label churn", _share(found["churn"], "of predictions changed since the round before")),
        ("accuracy", _accuracy(found)),
        ("suspects", f"{len(found['suspects'])} of the labels, contradicted by nearly all that the others say there"),
    ]
    if found["missing_rounds"]:
        lines.append(("missing", f"folders of rounds {', '.join(map(str, found['missing_rounds']))}"))
    text = "".join(f"{name:<12} {value}\n" for name, value in lines)
    if found["suspects"]:
        text += "\n" + table(found["suspects"][:_SHOWN], list(found["suspects"][0]))
    return text


def _tied(ids: Sequence[str]) -> str:
    more = ", ..." if len(ids) > _SHOWN else ""
    return f"{len(ids)} (ids: {', '.join(ids[:_SHOWN])}{more})" if ids else "0"


def _share(value: float | None, meaning: str) -> str:
    return "not known yet" if value is None else f"{value:.1%} {meaning}"


def _accuracy(found: dict[str, Any]) -> str:
    if found["estimated_accuracy"] is None or found["accuracy_interval"] is None:
        return "not known yet"
    low, high = found["accuracy_interval"]
    return f"{found['estimated_accuracy']:.1%} of propagated labels, estimated (95 %: {low:.1%} to {high:.1%})"
