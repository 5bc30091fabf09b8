"""`ddal init POOL`: a new campaign on a pool of features."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import Answer, add_folder, answer
from ddal_jax.cli.ingest import missing_told

_SHOWN = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument("pool", type=Path, metavar="POOL", help=".npy, .npz, .parquet or .csv; it stays where it is")
    add_folder(parser)
    parser.add_argument("--labels", type=Path, metavar="FILE", help="labels known already, as for `ddal ingest`")
    parser.add_argument(
        "--ids",
        metavar="FILE|COLUMN",
        help="default: the pool's own column `id` or index of strings, or else row numbers from 0",
    )
    parser.add_argument("--classes", metavar="A,B,C", help="all there are (default: those that labels name)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="decides ties (default: 0)")


def main(arguments: argparse.Namespace) -> int:
    """Makes the campaign's folder."""
    return answer(arguments, _init)


def _init(arguments: argparse.Namespace) -> Answer:
    campaign = Campaign.init(
        arguments.pool,
        arguments.campaign,
        labels=arguments.labels,
        ids=arguments.ids,
        classes=arguments.classes.split(",") if arguments.classes is not None else None,
        seed=arguments.seed,
    )
    about, columns, ingested = campaign.about(), None, None
    if campaign.begun is not None:
        columns, ingested = campaign.begun
    text = (
        f"{about['campaign']}: {about['pool']} points with {about['columns']} features{_named(columns)}, ids are "
        f"{about['ids_from']}, {about['votes']} labels{'.' if ingested is None else missing_told(ingested)}\n"
        f"Next: ddal next -n 50 -c {about['campaign']}"
    )
    labels = {} if ingested is None else {"missing": ingested.missing, "missing_words": ingested.missing_words}
    return Answer(text, {**about, "features": columns, **labels})


def _named(columns: Sequence[str] | None) -> str:
    """Returns the first and last columns, in brackets: what is no feature often stands at an end."""
    if columns is None:
        return ""
    shown = columns if len(columns) <= _SHOWN else [*columns[: _SHOWN - 2], "...", columns[-1]]
    return f" ({', '.join(shown)})"
