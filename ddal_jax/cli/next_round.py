"""`ddal next -n 50`: what to label next, and why, in a folder of its own."""

import argparse

from ddal_jax.campaign import Campaign
from ddal_jax.cli.campaign import Answer, add_folder, answer, prepare, table

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    # Names of choices stand here again, since to import them is to import JAX; `next` itself checks them.
    parser.add_argument("-n", "--num", type=int, required=True, metavar="B", help="how many points to ask for")
    add_folder(parser)
    parser.epilog = "Options hold for this round alone; each round begins from the defaults."
    parser.add_argument("--metric", metavar="NAME", help="euclidean (default) or cosine")
    parser.add_argument("--num-neighbors", type=int, metavar="K", help="edges per point (default: 10)")
    parser.add_argument("--num-steps", type=int, metavar="T", help="default: the smallest T with K^T > N")
    parser.add_argument("--symmetrize", metavar="MODE", help="max (default), mean, mutual, self_tuning, none")
    parser.add_argument("--criterion", metavar="NAME", help="root_reach_margin (default), min_abs, margin, norm, ...")
    parser.add_argument("--diversity", metavar="RULE", help="redistribute (default), local_minima, coverage, none")
    parser.add_argument(
        "--ties", metavar="RULE", help="of points that no label reaches: random (default), coverage, wide_coverage"
    )
    parser.add_argument("--num-rediffusions", type=int, metavar="R", help="turns a batch is picked in (default: <= 16)")
    parser.add_argument("--num-refine-steps", type=int, metavar="T", help="steps once labels reach all (advised: 20)")
    parser.add_argument("--soft-labels", action="store_true", help="shares of the votes instead of their majority")


def main(arguments: argparse.Namespace) -> int:
    """Asks a round, prints where it was written and its first points."""
    return answer(arguments, _next)


def _next(arguments: argparse.Namespace) -> Answer:
    campaign = Campaign(arguments.campaign)
    prepare()
    asked = campaign.next(
        arguments.num,
        metric=arguments.metric,
        num_neighbors=arguments.num_neighbors,
        num_steps=arguments.num_steps,
        symmetrize=arguments.symmetrize,
        criterion=arguments.criterion,
        diversity=arguments.diversity,
        ties=arguments.ties,
        num_rediffusions=arguments.num_rediffusions,
        num_refine_steps=arguments.num_refine_steps,
        soft_labels=arguments.soft_labels,
    )
    path, found = asked.folder / "queries.csv", asked.queries
    text = f"{path}\n" + table(found[:_SHOWN], list(found[0]))
    if len(found) > _SHOWN:
        text += f"... and {len(found) - _SHOWN} more\n"
    if len(found) < arguments.num:
        text += f"Only {len(found)} points were left to ask.\n"
    data = {"round": asked.number, "path": str(path), "num_queries": len(found), "queries": found}
    return Answer(text, data)
