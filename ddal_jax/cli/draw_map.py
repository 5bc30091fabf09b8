"""`ddal map`: a campaign's pool as one interactive page."""

import argparse
from pathlib import Path

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import Answer, add_folder, answer, prepare
from ddal_jax.cli.options import OF_THE_LAST_ROUND


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    add_folder(parser)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: map.html in DIR")
    parser.add_argument("--layout", default="pca", metavar="NAME", help="pca (default) or diffusion")
    parser.add_argument("--color", default="predicted", metavar="NAME", help="predicted (default), reach or score")
    parser.epilog = OF_THE_LAST_ROUND


def main(arguments: argparse.Namespace) -> int:
    """Writes the page and prints its path."""
    return answer(arguments, _map)


def _map(arguments: argparse.Namespace) -> Answer:
    campaign = Campaign(arguments.campaign)
    prepare()
    path = campaign.map(arguments.output, layout=arguments.layout, color=arguments.color)
    return Answer(str(path), {"path": str(path)})
