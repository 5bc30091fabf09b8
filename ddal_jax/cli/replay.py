"""`ddal replay NNN`: a round computed again from the record, and compared."""

import argparse

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import DONE, FAILED, Answer, add_folder, answer, prepare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument("round", metavar="NNN", help="number of the round, such as 001")
    add_folder(parser)


def main(arguments: argparse.Namespace) -> int:
    """Replays the round; exit code 1 if it is not the same."""
    return answer(arguments, _replay)


def _replay(arguments: argparse.Namespace) -> Answer:
    if not arguments.round.isdecimal():
        raise ValueError(f"NNN must be the number of a round, such as 001; got {arguments.round!r}.")
    campaign = Campaign(arguments.campaign)
    prepare()
    found = campaign.replay(int(arguments.round))
    text = f"Round {found.number}: "
    if found.asked != found.replayed:
        differing = sum(a != b for a, b in zip(found.asked, found.replayed, strict=False))
        text += f"{differing} of {len(found.asked)} places differ from what was asked.\n"
    else:
        text += f"the same {len(found.asked)} points in the same order.\n"
    if not found.file_unchanged:
        text += "Its queries.csv was changed or removed since.\n"
    if found.changed:
        text += f"Not as then: {', '.join(found.changed)}.\n"
    return Answer(text, found._asdict(), DONE if found.same else FAILED)
