"""`ddal init POOL`: a new campaign on a pool of features."""

import argparse
from pathlib import Path

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import Answer, add_folder, answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument("pool", type=Path, metavar="POOL", help=".npy, .npz, .parquet or .csv; it stays where it is")
    add_folder(parser)
    parser.add_argument("--labels", type=Path, metavar="FILE", help="labels known already, as for `ddal ingest`")
    parser.add_argument(
        "--ids", metavar="FILE|COLUMN", help="default: the pool's own column `id`, or else row numbers from 0"
    )
    parser.add_argument("--classes", metavar="A,B,C", help="all there are (default: those that labels name)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="decides ties (default: 0)")


def main(arguments: argparse.Namespace) -> int:
    """Makes the campaign's folder."""
    return answer(arguments, _init)


def _init(arguments: argparse.Namespace) -> Answer:
    about = Campaign.init(
        arguments.pool,
        arguments.campaign,
        labels=arguments.labels,
        ids=arguments.ids,
        classes=arguments.classes.split(",") if arguments.classes is not None else None,
        seed=arguments.seed,
    ).about()
    text = (
        f"{about['campaign']}: {about['pool']} points with {about['columns']} features, ids are {about['ids_from']}, "
        f"{about['votes']} labels.\nNext: ddal next -n 50 -c {about['campaign']}"
    )
    return Answer(text, about)
