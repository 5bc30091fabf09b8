"""`ddal next -n 50`: what to label next, and why, in a folder of its own."""

import argparse

from ddal_jax.campaign import Campaign
from ddal_jax.campaign.folders import QUERIES
from ddal_jax.cli.campaign import Answer, add_folder, answer, prepare, table
from ddal_jax.cli.options import add_query_options, query_options

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument("-n", "--num", type=int, required=True, metavar="B", help="how many points to ask for")
    add_folder(parser)
    parser.add_argument(
        "--soft-labels",
        action="store_true",
        help="where annotators disagree, take the shares of their votes instead of the majority",
    )
    parser.add_argument(
        "--ask-again",
        action="store_true",
        help="points asked before whose labels have not come may be asked again, as after a batch that was abandoned",
    )
    add_query_options(parser)
    parser.epilog = (
        "The defaults measured best on the whole; nothing but -n has to be given. Each round begins from the defaults, "
        "whatever earlier ones were given. Until the next round, status, export and map look with the settings of this "
        "one."
    )


def main(arguments: argparse.Namespace) -> int:
    """Asks a round, prints where it was written and its first points."""
    return answer(arguments, _next)


def _next(arguments: argparse.Namespace) -> Answer:
    campaign = Campaign(arguments.campaign)
    prepare()
    asked = campaign.next(
        arguments.num,
        soft_labels=arguments.soft_labels,
        ask_again=arguments.ask_again,
        **query_options(arguments),
    )
    path, found = asked.folder / QUERIES, asked.queries
    text = f"{path}\n" + table(found[:_SHOWN], list(found[0]))
    if len(found) > _SHOWN:
        text += f"... and {len(found) - _SHOWN} more\n"
    if len(found) < arguments.num:
        text += f"Only {len(found)} points were left to ask.\n"
    data = {"round": asked.number, "path": str(path), "num_queries": len(found), "queries": found}
    return Answer(text, data)
