"""`ddal replay NNN`: a round computed again from the record, and compared."""

import argparse

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import DONE, FAILED, Answer, add_folder, answer, prepare
from ddal_jax.cli.options import round_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument("round", metavar="NNN", help="number of the round, such as 001")
    add_folder(parser)


def main(arguments: argparse.Namespace) -> int:
    """Replays the round; exit code 1 if it asks other points now."""
    return answer(arguments, _replay)


def _replay(arguments: argparse.Namespace) -> Answer:
    number = round_number("NNN", arguments.round)
    campaign = Campaign(arguments.campaign)
    prepare()
    found = campaign.replay(number)
    text = f"Round {found.number}: "
    if found.same:
        text += f"the same {len(found.asked)} points in the same order.\n"
    else:
        differing = sum(a != b for a, b in zip(found.asked, found.replayed, strict=False))
        text += f"{differing} of {len(found.asked)} places differ from what was asked.\n"
    if not found.file_unchanged:
        text += "Its queries.csv was edited or removed since; what was asked stands in the record.\n"
    if found.changed:
        text += f"Not as then: {', '.join(found.changed)}.\n"
    return Answer(text, found._asdict(), DONE if found.same else FAILED)
