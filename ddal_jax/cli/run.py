"""`ddal run NAME`: a named experiment, its settings open to change."""

import argparse
import dataclasses
from pathlib import Path

from ddal_jax import checks
from ddal_jax.cli.execute import execute, print_table
from ddal_jax.cli.session import console, prepare_jax
from ddal_jax.experiments import results
from ddal_jax.experiments.build import STRATEGIES, build
from ddal_jax.experiments.config import RunConfig
from ddal_jax.experiments.presets import PRESETS
from ddal_jax.graph.affinity import SYMMETRIZATIONS
from ddal_jax.query import DIVERSITIES, TIES
from ddal_jax.scores import CRITERIA


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument("name", metavar="NAME", help=f"one of: {', '.join(PRESETS)}")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="where to write (default: runs/NAME)")
    parser.add_argument("--seeds", type=int, metavar="N", help="repetitions, paired over strategies")
    parser.add_argument("--strategies", metavar="A,B", help=f"of: {', '.join(STRATEGIES)}")
    parser.add_argument("--budget", type=int, metavar="N", help="labels in all, start included")
    parser.add_argument("--query-size", type=int, metavar="B", help="labels asked at once")
    parser.add_argument("--num-sub-batches", type=int, metavar="P", help="queries between two retrainings")
    parser.add_argument("--from-scratch", action="store_true", help="retrain from the initial weights after each query")
    parser.add_argument("--quick", action="store_true", help="two seeds, five epochs, a few cycles: only to see it run")
    graph = parser.add_argument_group("diffusion")
    graph.add_argument("--num-neighbors", type=int, metavar="K")
    graph.add_argument("--num-steps", type=int, metavar="T", help="default: the smallest T with K^T > N")
    graph.add_argument("--symmetrize", metavar="MODE", help=f"one of: {', '.join(SYMMETRIZATIONS)}")
    graph.add_argument("--criterion", metavar="NAME", help=f"one of: {', '.join(CRITERIA)}")
    graph.add_argument("--diversity", metavar="RULE", help=f"one of: {', '.join(DIVERSITIES)}")
    graph.add_argument("--ties", metavar="RULE", help=f"one of: {', '.join(TIES)}")


def main(arguments: argparse.Namespace) -> int:
    """Runs the experiment and writes its results."""
    prepare_jax()
    config = configure(arguments)
    folder = arguments.output or Path("runs") / arguments.name
    path = folder / "results.jsonl"
    if path.exists():
        raise ValueError(f"{path} already holds results; name another folder with --output, or remove it.")
    trial = build(config)
    folder.mkdir(parents=True, exist_ok=True)
    results.write_json(folder / "config.json", results.describe(config))
    print_table(config, execute(trial, path))
    console.print(f"Results: {path}", markup=False)
    return 0


def configure(arguments: argparse.Namespace) -> RunConfig:
    """Returns the named experiment with the changes asked for."""
    config = PRESETS[checks.choice("NAME", arguments.name, PRESETS)]
    if arguments.quick:
        config = quick(config)
    graph = _given(arguments, num_neighbors="num_neighbors", num_steps="num_steps", symmetrize="symmetrize")
    query = _given(arguments, criterion="criterion", diversity="diversity", ties="ties")
    top = _given(
        arguments, seeds="num_seeds", budget="budget", query_size="query_size", num_sub_batches="num_sub_batches"
    )
    if arguments.strategies:
        top["strategies"] = tuple(arguments.strategies.split(","))
    if arguments.from_scratch:
        top["warm_start"] = False
    return dataclasses.replace(
        config,
        graph=dataclasses.replace(config.graph, **graph),
        query=dataclasses.replace(config.query, **query),
        **top,
    )


def quick(config: RunConfig) -> RunConfig:
    """Returns a version that runs in seconds and shows nothing but that it runs."""
    training = dataclasses.replace(config.training, num_epochs=5)
    start = 2 * config.query_size
    return dataclasses.replace(config, num_seeds=2, training=training, budget=start + 2 * config.query_size)


def _given(arguments: argparse.Namespace, **names: str) -> dict:
    values = {field: getattr(arguments, word) for word, field in names.items()}
    return {field: value for field, value in values.items() if value is not None}
