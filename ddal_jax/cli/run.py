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
from ddal_jax.experiments.config import EMBEDDINGS, DataSettings, RunConfig
from ddal_jax.experiments.presets import EXPERIMENTS
from ddal_jax.graph.affinity import SYMMETRIZATIONS
from ddal_jax.query import DIVERSITIES, TIES
from ddal_jax.scores import CRITERIA

_QUICK_POINTS, _QUICK_TEST = 400, 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "experiments:\n" + "\n".join(f"  {name:<16} {e.summary}" for name, e in EXPERIMENTS.items())
    parser.add_argument("name", metavar="NAME", help=f"one of: {', '.join(EXPERIMENTS)}")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="where to write (default: runs/NAME)")
    parser.add_argument("--seeds", type=int, metavar="N", help="paired repetitions; the paper has 5")
    parser.add_argument("--first-seed", type=int, metavar="N", help="the first of them; others follow one by one")
    known = f"of: {', '.join(STRATEGIES)}; diffusion also with changes, as in diffusion:num_steps=8:ties=coverage"
    parser.add_argument("--strategies", metavar="A,B", help=known)
    parser.add_argument("--budget", type=int, metavar="N", help="labels in all, start included")
    parser.add_argument("--num-start", type=int, metavar="N", help="labels to start from, drawn uniformly")
    parser.add_argument("--start-per-class", type=int, metavar="N", help="of each class instead, drawn by an oracle")
    parser.add_argument("--query-size", type=int, metavar="B", help="labels asked at once (P x B off the graph)")
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
    graph = parser.add_argument_group("strategies on a graph")
    graph.add_argument("--num-neighbors", type=int, metavar="K", help="edges per node")
    graph.add_argument("--num-steps", type=int, metavar="T", help="default: the smallest T with K^T > N")
    graph.add_argument(
        "--symmetrize", metavar="MODE", help=f"one of: {', '.join(SYMMETRIZATIONS)}; diffusion-paper takes none always"
    )
    graph.add_argument("--criterion", metavar="NAME", help=f"of `diffusion`, one of: {', '.join(CRITERIA)}")
    graph.add_argument("--diversity", metavar="RULE", help=f"of `diffusion`, one of: {', '.join(DIVERSITIES)}")
    graph.add_argument("--ties", metavar="RULE", help=f"of `diffusion`, one of: {', '.join(TIES)}")
    graph.add_argument("--num-rediffusions", type=int, metavar="R", help="turns in which a batch is picked")
    graph.add_argument("--num-refine-steps", type=int, metavar="T", help="steps once everything is reached")


def main(arguments: argparse.Namespace) -> int:
    """Runs the experiment, or what of it is not done yet, and shows its results."""
    prepare_jax()
    configs = configure(arguments)
    folder = arguments.output or Path("runs") / arguments.name
    execute(configs, folder)
    experiment = EXPERIMENTS[arguments.name]
    asked = experiment.challenger in configs[0].strategies
    show(folder, experiment.pictures, experiment.challenger if asked else None)
    console.print(f"Written to {folder}", markup=False)
    return 0


def configure(arguments: argparse.Namespace) -> list[RunConfig]:
    """Returns the tasks of the named experiment with the changes asked for, each once and named by what it is."""
    experiment = EXPERIMENTS[checks.choice("NAME", arguments.name, EXPERIMENTS)]
    configs = [_change(quick(config) if arguments.quick else config, arguments) for config in experiment.runs]
    named = [_say_what_differs(experiment.named(config), arguments) for config in configs]
    return list({config.task: config for config in named}.values())


def _change(config: RunConfig, arguments: argparse.Namespace) -> RunConfig:
    graph = _given(arguments, num_neighbors="num_neighbors", num_steps="num_steps", symmetrize="symmetrize")
    query = _given(
        arguments,
        criterion="criterion",
        diversity="diversity",
        ties="ties",
        num_rediffusions="num_rediffusions",
        num_refine_steps="num_refine_steps",
    )
    top = _given(
        arguments,
        seeds="num_seeds",
        first_seed="first_seed",
        budget="budget",
        query_size="query_size",
        num_sub_batches="num_sub_batches",
    )
    top |= _start(arguments)
    if arguments.strategies:
        top["strategies"] = tuple(arguments.strategies.split(","))
        top["watch"] = tuple(name for name in config.watch if name in top["strategies"])
    if arguments.from_scratch:
        top["warm_start"] = False
    return dataclasses.replace(
        config,
        data=_change_data(config.data, arguments),
        training=dataclasses.replace(config.training, **_given(arguments, epochs="num_epochs")),
        graph=dataclasses.replace(config.graph, **graph),
        query=dataclasses.replace(config.query, **query),
        **top,
    )


def _start(arguments: argparse.Namespace) -> dict[str, int]:
    given = _given(arguments, num_start="num_start", start_per_class="start_per_class")
    return {"num_start": 0, "start_per_class": 0, **given} if given else {}


def _change_data(data: DataSettings, arguments: argparse.Namespace) -> DataSettings:
    """Other data come in their own sizes and without an embedding, unless told otherwise."""
    if arguments.data:
        data = DataSettings(name=arguments.data)
    given = _given(arguments, num_points="num_points", num_test="num_test", embedding="embedding")
    return dataclasses.replace(data, balanced=arguments.balanced or data.balanced, **given)


def _say_what_differs(config: RunConfig, arguments: argparse.Namespace) -> RunConfig:
    """Adds to the name of a task what makes it another one, since reports and figures show no more than that."""
    words = [
        f"on {Path(arguments.data).stem}" if arguments.data else "",
        "RANDOM VGG-16 WEIGHTS" if config.data.embedding == "vgg16-random" else "",
        "balanced pool" if arguments.balanced else "",
        "from scratch" if arguments.from_scratch else "",
        "quick" if arguments.quick else "",
    ]
    return dataclasses.replace(config, task=", ".join([config.task, *filter(None, words)]))


def quick(config: RunConfig) -> RunConfig:
    """Returns a version that runs in seconds, VGG-16 on a CPU in minutes, and shows nothing but that it runs."""
    size = min(10, config.query_size)
    start = max(30, min(100, config.num_start))
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, num_points=_QUICK_POINTS, num_test=_QUICK_TEST),
        num_seeds=min(2, config.num_seeds),
        training=dataclasses.replace(config.training, num_epochs=min(5, config.training.num_epochs)),
        num_start=min(config.num_start, start),
        query_size=size,
        budget=start + 3 * size * config.num_sub_batches,
    )


def _given(arguments: argparse.Namespace, **names: str) -> dict:
    values = {field: getattr(arguments, word) for word, field in names.items()}
    return {field: value for field, value in values.items() if value is not None}
