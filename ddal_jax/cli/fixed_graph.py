"""`ddal fixed-graph`: query rules on fixed graphs, one label at a time, without a network."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import rich.table

from ddal_jax import checks
from ddal_jax.cli.session import console, prepare_jax
from ddal_jax.disk import whole
from ddal_jax.evaluate.checkpoint_means import MeanStanding, checkpoint_means
from ddal_jax.experiments import journal, results
from ddal_jax.experiments.fixed_graph.folder import execute
from ddal_jax.experiments.fixed_graph.rules import RULES
from ddal_jax.experiments.fixed_graph.settings import CONFIRMATION, SCREENING, FixedGraphSettings
from ddal_jax.experiments.fixed_graph.tasks import TASKS

_REPORT = "report.md"
_CHALLENGER = "refined-wide-coverage"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("runs/fixed-graph"), metavar="DIR", help="default: runs/fixed-graph"
    )
    parser.add_argument("--tasks", metavar="A,B", help=f"of: {', '.join(TASKS)} (default: all)")
    parser.add_argument("--rules", metavar="A,B", help=f"of: {', '.join(RULES)} (default: all)")
    parser.add_argument("--challenger", metavar="RULE", help="what the others are compared with")
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="paired repetitions (default: 20)")
    parser.add_argument(
        "--screening", action="store_true",
        help=f"seeds {SCREENING}, ... on which rules were chosen, instead of {CONFIRMATION}, ...",
    )  # fmt: skip


def main(arguments: argparse.Namespace) -> int:
    """Runs the comparison, or what of it is not done yet, and writes its report."""
    tasks = configure(arguments)
    challenger = _challenger(arguments.challenger, tasks[0].rules)
    prepare_jax()
    for done in execute(tasks, arguments.output):
        console.print(f"{done.task}: {done.rule}, {done.seconds:.2f} s a seed", markup=False, highlight=False)
    found = results.read(arguments.output / journal.RESULTS)
    standings = checkpoint_means(found.records, challenger=challenger)
    for task, own in standings.items():
        console.print(f"\n{task}: points of accuracy, mean over checkpoints", markup=False, highlight=False)
        console.print(_table(own, challenger))
    with whole(arguments.output / _REPORT) as file:
        file.write(report(standings, challenger, tasks).encode())
    console.print(f"Written to {arguments.output}", markup=False)
    return 0


def configure(arguments: argparse.Namespace) -> list[FixedGraphSettings]:
    """Returns the tasks asked for."""
    names = tuple(TASKS) if arguments.tasks is None else tuple(arguments.tasks.split(","))
    rules = tuple(RULES) if arguments.rules is None else tuple(arguments.rules.split(","))
    if len(set(names)) < len(names):
        raise ValueError(f"tasks must be named once each; got {arguments.tasks}.")
    checks.integer("seeds", arguments.seeds, low=2)
    first_seed = SCREENING if arguments.screening else CONFIRMATION
    return [
        FixedGraphSettings(task=name, rules=rules, num_seeds=arguments.seeds, first_seed=first_seed) for name in names
    ]


def report(
    standings: Mapping[str, Sequence[MeanStanding]], challenger: str, tasks: Sequence[FixedGraphSettings]
) -> str:
    """Returns the comparison as Markdown."""
    seeds, checkpoints = tasks[0].seeds, tasks[0].checkpoints
    lines = [
        "# Rules on a fixed graph, one label at a time",
        "",
        f"Harmonic accuracy in points on the points not labelled, mean over {', '.join(map(str, checkpoints))} labels, "
        f"seeds {seeds[0]} to {seeds[-1]}. Difference: `{challenger}` less the rule, mean over paired seeds and its "
        "standard error; p: signed-rank, after Holm over the rules of the task.",
    ]
    for task, own in standings.items():
        counts = " | ".join(map(str, checkpoints))
        lines += ["", f"## {task}", "", f"| rule | mean | difference | p | seeds won | {counts} |"]
        lines += ["|---|" + "---|" * (4 + len(checkpoints))]
        lines += [f"| {' | '.join(_cells(each, challenger))} |" for each in own]
    return "\n".join(lines) + "\n"


def _table(own: Sequence[MeanStanding], challenger: str) -> rich.table.Table:
    table = rich.table.Table("rule", "mean", "difference", "p", "won")
    for each in own:
        table.add_row(*_cells(each, challenger)[:5])
    return table


def _cells(each: MeanStanding, challenger: str) -> list[str]:
    against = ["", "", ""]
    if each.strategy != challenger:
        against = [f"{each.difference:+.2f} ± {each.difference_error:.2f}", f"{each.p_value:.3g}", str(each.won)]
    curve = [f"{value:.1f}" for value in each.curve]
    return [each.strategy, f"{each.mean:.2f} ± {each.standard_error:.2f}", *against, *curve]


def _challenger(name: str | None, rules: Sequence[str]) -> str:
    if name is None:
        return _CHALLENGER if _CHALLENGER in rules else rules[-1]
    return checks.choice("challenger", name, rules)
