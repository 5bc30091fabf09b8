"""`ddal simulate POOL --labels FILE`: would it have helped? A labelled pool is labelled again, and judged."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import rich.console
import rich.progress

from ddal_jax import checks
from ddal_jax.campaign.labeled_pools import LabeledPool, read_labeled_pool
from ddal_jax.campaign.pool_simulation import simulate_pool
from ddal_jax.campaign.simulation import DEFAULT_STRATEGIES, Simulation
from ddal_jax.campaign.trials import STRATEGIES, WantedSizes
from ddal_jax.cli.campaign import Answer, answer, prepare, table
from ddal_jax.cli.options import add_query_options, query_options
from ddal_jax.disk import whole
from ddal_jax.evaluate import Comparison, Standing, compare
from ddal_jax.evaluate.significance import LEVEL, fewest_pairs_to_resolve
from ddal_jax.experiments import results
from ddal_jax.experiments.results import Results

_RESULTS, _GRAPH = "results.jsonl", "graph"
_BASE = "random"
_COLUMNS = ("strategy", "area", "minus random", "95 %", "p", "at the end")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument("pool", type=Path, metavar="POOL", help=".npy, .npz, .parquet or .csv")
    parser.add_argument("--labels", type=Path, required=True, metavar="FILE", help="of the whole pool: id,label")
    parser.add_argument("--ids", metavar="FILE|COLUMN", help="as for `ddal init`")
    default = ",".join(DEFAULT_STRATEGIES)
    parser.add_argument(
        "--strategies",
        default=default,
        metavar="A,B",
        help=f"of: {', '.join(STRATEGIES)} (default: {default}); random is always in",
    )
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="paired repetitions (default: 20)")
    parser.add_argument("-n", "--num", type=int, default=20, metavar="B", help="labels asked at once (default: 20)")
    parser.add_argument("--budget", type=int, metavar="N", help="labels in all (default: the start and ten batches)")
    parser.add_argument("--num-start", type=int, metavar="N", help="labels drawn at random first, or 0 (default: B)")
    parser.add_argument("--num-points", type=int, metavar="N", help="pool of each seed (default: at most 10,000)")
    parser.add_argument("--num-test", type=int, metavar="N", help="held-out points (default: a quarter, at most 2,000)")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="keep the results there, for `ddal evaluate`")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    add_query_options(parser)
    parser.epilog = (
        "How near and far are told holds for all strategies named diffusion; how points are picked, for `diffusion` "
        "and those named after it, but for what their name says."
    )


def main(arguments: argparse.Namespace) -> int:
    """Prints what each strategy gains over random labelling, and keeps the results if asked."""
    return answer(arguments, _simulate)


def _simulate(arguments: argparse.Namespace) -> Answer:
    num_seeds = checks.integer("--seeds", arguments.seeds, low=2, why="(one says nothing of chance)")
    _refuse_other_results(arguments.output)
    prepare()
    pool = read_labeled_pool(arguments.pool, arguments.labels, ids=arguments.ids)
    wanted = WantedSizes(
        num_seeds=num_seeds, query_size=arguments.num, budget=arguments.budget, num_start=arguments.num_start,
        num_points=arguments.num_points, num_test=arguments.num_test,
    )  # fmt: skip
    with _progress(num_seeds, quiet=arguments.json) as on_seed:
        found = simulate_pool(
            pool,
            strategies=tuple(dict.fromkeys([_BASE, *arguments.strategies.split(",")])),
            wanted=wanted,
            options=query_options(arguments),
            name=arguments.pool.stem,
            on_seed=on_seed,
        )
    return _answer(pool, found, _write(found, arguments.output))


def _answer(pool: LabeledPool, found: Simulation, written: Path | None) -> Answer:
    about = found.judged.runs[0].config
    parts = {"judged": compare(found.judged.records), "read_out": compare(found.read_out.records)}
    facts = {name: about[name] for name in ("num_seeds", "num_points", "num_test", "num_start", "query_size", "budget")}
    text = (
        "{num_seeds} seeds: a pool of {num_points} and {num_test} held-out points drawn for each, {num_start} to "
        "{budget} labels, {query_size} at a time. Area: mean height of the learning curve, in points (hundredths). "
        "95 %: bootstrap interval of the difference; p: signed-rank test over seeds, Holm over all pairs.\n"
    ).format(**facts)
    left_out = int((pool.labels < 0).sum())
    if left_out:
        text += f"{left_out} rows without a label are left out.\n"
    if pool.missing_words:
        text += f"Taken for missing: {', '.join(pool.missing_words)}. If one is a class, give it another name.\n"
    text += f"\nLogistic regression on the features, held-out points:\n{_told(parts['judged'])}"
    text += f"\nApart from that, the graph's own answer, on the whole pool:\n{_told(parts['read_out'])}"
    if written:
        text += (
            f"\nWritten to {written}/; ddal evaluate {written} -o report draws it ({written / _GRAPH}: the graph's).\n"
        )
    data = {
        "rows": len(pool.labels), "left_out": left_out, "missing_words": list(pool.missing_words),
        "classes": list(pool.classes), **facts,
        **{name: part.as_dict() for name, part in parts.items()},
        "better_than_random": {name: _better(part) for name, part in parts.items()},
        "output": None if written is None else str(written),
    }  # fmt: skip
    return Answer(text, data)


def _told(comparison: Comparison) -> str:
    task = comparison.tasks[0]
    rows: list[dict[str, str]] = [
        dict(zip(_COLUMNS, _cells(own, task.reference), strict=True)) for own in task.standings
    ]
    return f"{table(rows, _COLUMNS)}{_verdict(comparison)}\n"


def _cells(own: Standing, reference: str) -> tuple[str, ...]:
    gain = ("", "", "")
    if own.strategy != reference:
        p_value = "<0.001" if own.p_value < 0.001 else f"{own.p_value:.3f}"
        gain = (f"{100 * own.difference:+.2f}", f"{100 * own.low:+.2f} to {100 * own.high:+.2f}", p_value)
    return (own.strategy, f"{100 * own.area:.2f}", *gain, f"{100 * own.final:.1f}")


def _verdict(comparison: Comparison) -> str:
    """Says what beats random labelling, or that nothing does, and whether so few seeds could tell."""
    task = comparison.tasks[0]
    better = _better(comparison)
    worse = [own.strategy for own in task.standings if own.p_value < LEVEL and own.difference < 0]
    told = f"Better than random: {', '.join(better)}." if better else "Nothing beats random labelling here."
    if worse:
        told += f" Worse than random: {', '.join(worse)}."
    needed = fewest_pairs_to_resolve(max(1, len(task.pairs)))
    if task.num_seeds < needed:
        told += f" {task.num_seeds} seeds can tell no difference from chance; it takes at least {needed}."
    return told


def _better(comparison: Comparison) -> list[str]:
    standings = comparison.tasks[0].standings
    return [own.strategy for own in standings if own.p_value < LEVEL and own.difference > 0]


def _refuse_other_results(folder: Path | None) -> None:
    for path in () if folder is None else (folder / _RESULTS, folder / _GRAPH / _RESULTS):
        if path.exists():
            raise ValueError(f"{path} already holds results; name another folder with --output, or remove it.")


def _write(found: Simulation, folder: Path | None) -> Path | None:
    if folder is not None:
        for own, part in ((folder / _GRAPH, found.read_out), (folder, found.judged)):
            with whole(own / _RESULTS) as file:
                file.write(_lines(part).encode())
    return folder


def _lines(found: Results) -> str:
    return "".join(map(results.header_line, found.runs)) + results.record_lines(found.records)


@contextmanager
def _progress(num_seeds: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Shows a bar over seeds on a terminal, beside the answer."""
    console = rich.console.Console(stderr=True)
    with rich.progress.Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("seeds", total=num_seeds)
        yield lambda seed: bar.update(task, completed=seed + 1)
