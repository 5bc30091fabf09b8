"""`ddal run NAME`: a named experiment, its settings open to change, resumed if it was stopped."""

import argparse
import dataclasses
from pathlib import Path

from ddal_jax import checks
from ddal_jax.cli.execute import execute
from ddal_jax.cli.session import console, prepare_jax
from ddal_jax.cli.show import show
from ddal_jax.data.catalog import DATA
from ddal_jax.experiments.catalog import STRATEGIES
from ddal_jax.experiments.config import EMBEDDINGS, RunConfig
from ddal_jax.experiments.presets import EXPERIMENTS
from ddal_jax.graph.affinity import SYMMETRIZATIONS
from ddal_jax.query import DIVERSITIES, TIES
from ddal_jax.scores import CRITERIA


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "experiments:\n" + "\n".join(f"  {name:<16} {e.summary}" for name, e in EXPERIMENTS.items())
    parser.add_argument("name", metavar="NAME", help=f"one of: {', '.join(EXPERIMENTS)}")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="where to write (default: runs/NAME)")
    parser.add_argument("--seeds", type=int, metavar="N", help="repetitions, paired over strategies")
    parser.add_argument("--strategies", metavar="A,B", help=f"of: {', '.join(STRATEGIES)}")
    parser.add_argument("--budget", type=int, metavar="N", help="labels in all, start included")
    parser.add_argument("--query-size", type=int, metavar="B", help="labels asked at once")
    parser.add_argument("--num-sub-batches", type=int, metavar="P", help="queries between two retrainings on one graph")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the labels after each query")
    parser.add_argument("--from-scratch", action="store_true", help="retrain from the initial weights after each query")
    parser.add_argument("--quick", action="store_true", help="two seeds, five epochs, a few cycles: only to see it run")
    data = parser.add_argument_group("data")
    data.add_argument("--data", metavar="NAME", help=f"one of: {', '.join(DATA)}, or a file FILE.npz")
    data.add_argument("--num-points", type=int, metavar="N", help="size of the pool")
    data.add_argument("--num-test", type=int, metavar="N", help="held-out points")
    data.add_argument("--balanced", action="store_true", help="as many of each class in the pool: looks at labels")
    data.add_argument("--embedding", metavar="NAME", help=f"one of: {', '.join(EMBEDDINGS)}")
    graph = parser.add_argument_group("diffusion")
    graph.add_argument("--num-neighbors", type=int, metavar="K")
    graph.add_argument("--num-steps", type=int, metavar="T", help="the rule is the smallest T with K^T > N")
    graph.add_argument("--symmetrize", metavar="MODE", help=f"one of: {', '.join(SYMMETRIZATIONS)}")
    graph.add_argument("--criterion", metavar="NAME", help=f"of `diffusion`, one of: {', '.join(CRITERIA)}")
    graph.add_argument("--diversity", metavar="RULE", help=f"of `diffusion`, one of: {', '.join(DIVERSITIES)}")
    graph.add_argument("--ties", metavar="RULE", help=f"of `diffusion`, one of: {', '.join(TIES)}")


def main(arguments: argparse.Namespace) -> int:
    """Runs the experiment, or what of it is not done yet, and shows its results."""
    prepare_jax()
    configs = configure(arguments)
    folder = arguments.output or Path("runs") / arguments.name
    execute(configs, folder)
    show(folder, EXPERIMENTS[arguments.name].pictures)
    console.print(f"Written to {folder}", markup=False)
    return 0


def configure(arguments: argparse.Namespace) -> list[RunConfig]:
    """Returns the tasks of the named experiment with the changes asked for."""
    experiment = EXPERIMENTS[checks.choice("NAME", arguments.name, EXPERIMENTS)]
    return [_change(quick(config) if arguments.quick else config, arguments) for config in experiment.runs]


def _change(config: RunConfig, arguments: argparse.Namespace) -> RunConfig:
    graph = _given(arguments, num_neighbors="num_neighbors", num_steps="num_steps", symmetrize="symmetrize")
    query = _given(arguments, criterion="criterion", diversity="diversity", ties="ties")
    data = _given(arguments, data="name", num_points="num_points", num_test="num_test", embedding="embedding")
    top = _given(
        arguments, seeds="num_seeds", budget="budget", query_size="query_size", num_sub_batches="num_sub_batches"
    )
    if arguments.strategies:
        top["strategies"] = tuple(arguments.strategies.split(","))
        top["watch"] = config.watch if config.watch in top["strategies"] else None
    if arguments.from_scratch:
        top |= {"warm_start": False, "task": f"{config.task}, from scratch"}
    if arguments.balanced:
        data["balanced"] = True
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, **data),
        training=dataclasses.replace(config.training, **_given(arguments, epochs="num_epochs")),
        graph=dataclasses.replace(config.graph, **graph),
        query=dataclasses.replace(config.query, **query),
        **top,
    )


def quick(config: RunConfig) -> RunConfig:
    """Returns a version that runs in seconds and shows nothing but that it runs."""
    training = dataclasses.replace(config.training, num_epochs=min(5, config.training.num_epochs))
    size = min(10, config.query_size)
    start = max(30, min(100, config.num_start))
    return dataclasses.replace(
        config,
        num_seeds=min(2, config.num_seeds),
        training=training,
        num_start=min(config.num_start, start),
        query_size=size,
        budget=start + 3 * size * config.num_sub_batches,
    )


def _given(arguments: argparse.Namespace, **names: str) -> dict:
    values = {field: getattr(arguments, word) for word, field in names.items()}
    return {field: value for field, value in values.items() if value is not None}
