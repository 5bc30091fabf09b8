"""`ddal theory`: which of the paper's claims hold, measured here and judged by stated rules."""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np

from ddal_jax import checks
from ddal_jax.cli.session import console, num_cores, prepare_jax
from ddal_jax.data import catalog as data_catalog
from ddal_jax.disk import whole
from ddal_jax.experiments.results import environment
from ddal_jax.precision import double
from ddal_jax.theory import results
from ddal_jax.theory.claims.catalog import CLAIMS
from ddal_jax.theory.claims.types import Effort, NamedPool, Row, Verdict
from ddal_jax.theory.report import report, word
from ddal_jax.theory.results import Header, Results

_RESULTS, _REPORT = "results.jsonl", "report.md"
_NUM_SEEDS, _QUICK_SEEDS = 20, 5
_MOST_POINTS = 2000  # A dense solver checks the sparse one.


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "claims:\n" + "\n".join(f"  {name:<16} {c.title} ({c.place})" for name, c in CLAIMS.items())
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="default: theory, or with --from the folder of the file"
    )
    parser.add_argument("--from", dest="file", type=Path, metavar="FILE", help="judge and draw saved results anew")
    measuring = parser.add_argument_group("measuring")
    measuring.add_argument(
        "--seeds", type=int, metavar="N", help=f"repetitions (default: {_NUM_SEEDS}; quick: {_QUICK_SEEDS})"
    )
    measuring.add_argument("--quick", action="store_true", help="smaller and fewer settings: only to see it run")
    measuring.add_argument("--claims", metavar="A,B", help="these alone (default: all)")
    measuring.add_argument(
        "--data", metavar="NAME", help=f"your own pool beside ours: FILE.npz, or of: {', '.join(data_catalog.DATA)}"
    )


def main(arguments: argparse.Namespace) -> int:
    """Measures claims, prints a verdict on each, and writes results, report and figures; an earlier report goes."""
    folder = _folder(arguments)
    _refuse_other_files(folder)
    if arguments.file is not None:
        found = _saved(arguments)
        verdicts = _judge_saved(found, arguments.file)
    else:
        names = _chosen(arguments.claims)
        effort = _effort(arguments)
        prepare_jax()
        with double(), _compiled_quickly(effort.quick):
            found, verdicts = _measure(names, effort, _own_pool(arguments.data))
    _write(found, verdicts, folder)
    return 0


def _folder(arguments: argparse.Namespace) -> Path:
    if arguments.output is not None:
        return arguments.output
    return Path("theory") if arguments.file is None else arguments.file.parent


def _refuse_other_files(folder: Path) -> None:
    """Refuses to replace what is no report on claims.

    Raises:
      ValueError: names what is there.
    """
    present = [name for name in _all_names() if (folder / name).exists()]
    if not present:
        return
    try:
        results.read(folder / _RESULTS)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"--output must not hold other results; {folder} has {', '.join(present)}, not of a report on claims that "
            f"can be read ({error})."
        ) from error


def _all_names() -> list[str]:
    return [_RESULTS, _REPORT, *(f"{name}.png" for name in CLAIMS)]


def _saved(arguments: argparse.Namespace) -> Results:
    given = [name for name in ("seeds", "quick", "claims", "data") if getattr(arguments, name)]
    if given:
        raise ValueError(f"--from takes what was measured as it is; got --{', --'.join(given)} besides.")
    if not arguments.file.is_file():
        raise ValueError(f"--from must be a {_RESULTS} that `ddal theory` wrote; there is no file {arguments.file}.")
    return results.read(arguments.file)


def _judge_saved(found: Results, file: Path) -> dict[str, list[Verdict]]:
    verdicts = {}
    for name, rows in found.rows.items():
        checks.choice(f"a claim in {file}", name, CLAIMS)
        try:
            verdicts[name] = CLAIMS[name].judge(rows)
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(f"{file} must hold of {name} what its judgement reads; it does not: {error!r}.") from error
        _tell(name, verdicts[name])
    return verdicts


def _chosen(words: str | None) -> list[str]:
    wanted = list(CLAIMS) if words is None else [word.strip() for word in words.split(",")]
    for name in wanted:
        checks.choice("claims", name, CLAIMS)
    return [name for name in CLAIMS if name in wanted]


def _effort(arguments: argparse.Namespace) -> Effort:
    usual = _QUICK_SEEDS if arguments.quick else _NUM_SEEDS
    return Effort(num_seeds=usual if arguments.seeds is None else arguments.seeds, quick=arguments.quick)


def _own_pool(name: str | None) -> NamedPool | None:
    """Loads the user's pool as rows of numbers, of a large one a part."""
    if name is None:
        return None
    split = data_catalog.load(name, 0)
    features, labels = split.inputs.reshape(len(split.inputs), -1), split.labels
    if labels.min() == labels.max():
        raise ValueError(f"data must have points of at least two classes; {name!r} has one.")
    title = Path(name).stem
    if len(labels) > _MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(len(labels), _MOST_POINTS, replace=False))
        features, labels = features[rows], labels[rows]
        title = f"{title}, {_MOST_POINTS:,} of {len(split.labels):,}"
        console.print(f"{name}: {_MOST_POINTS:,} of its {len(split.labels):,} points, drawn with seed 0.", markup=False)
    return NamedPool(title, features, labels)


@contextmanager
def _compiled_quickly(quick: bool) -> Iterator[None]:
    """Leaves out the compiler's last passes, which cost a quick run more than they gain it."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", quick or before)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


def _measure(names: Sequence[str], effort: Effort, own: NamedPool | None) -> tuple[Results, dict[str, list[Verdict]]]:
    def measure(name: str) -> tuple[list[Row], float]:
        began = time.perf_counter()
        return results.plain(CLAIMS[name].measure(effort, own)), round(time.perf_counter() - began, 2)

    rows, verdicts, seconds = {}, {}, {}
    began = time.perf_counter()
    # Side by side, since most of the time goes into compiling, which takes one core.
    with ThreadPoolExecutor(num_cores()) as pool, console.status("measuring ...") as status:
        for number, (name, (measured, taken)) in enumerate(zip(names, pool.map(measure, names), strict=True), start=1):
            rows[name], seconds[name], verdicts[name] = measured, taken, CLAIMS[name].judge(measured)
            _tell(name, verdicts[name])
            status.update(f"{number} of {len(names)} measured ...")
    header = Header(
        effort=effort, environment=environment(), seconds=seconds,
        total_seconds=round(time.perf_counter() - began, 2), data=None if own is None else own.name,
    )  # fmt: skip
    return Results(header, rows), verdicts


def _tell(name: str, verdicts: Sequence[Verdict]) -> None:
    """Prints a claim's verdicts."""
    claim = CLAIMS[name]
    console.print(f"\n{claim.title} ({claim.place})", markup=False, highlight=False, style="bold")
    for verdict in verdicts:
        console.print(f"  {word(verdict):<15}", style="green" if verdict.holds else "red", end="")
        console.print(verdict.statement, markup=False, highlight=False, soft_wrap=True)


def _write(found: Results, verdicts: Mapping[str, Sequence[Verdict]], folder: Path) -> None:
    """Writes results, figures and report, and removes what an earlier report had beside them."""
    results.write(folder / _RESULTS, found)
    figures = _draw(found, folder)
    with whole(folder / _REPORT) as file:
        file.write(report(found, verdicts, CLAIMS, figures).encode())
    written = [_RESULTS, _REPORT, *figures.values()]
    for name in set(_all_names()) - set(written):
        (folder / name).unlink(missing_ok=True)
    console.print(f"\nWritten to {folder}/: {', '.join(written)}", markup=False, highlight=False, soft_wrap=True)


def _draw(found: Results, folder: Path) -> dict[str, str]:
    try:
        from ddal_jax.figures.theory import pictures
    except ImportError as error:
        console.print(f"\nNo figures drawn. {error}", markup=False, highlight=False)
        return {}
    with console.status("drawing ..."):
        return pictures.draw(found.rows, folder)
