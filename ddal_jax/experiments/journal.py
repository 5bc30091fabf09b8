"""An experiment's folder on disk: results that grow cycle by cycle, and a state from which a killed run goes on.

After each cycle the state is replaced, whole or not at all, and carries the cycle's lines; only then do they join the
results. Whatever moment a run dies at, going on cuts the results back to what the state knew and adds its lines again:
no finished cycle is repeated and none is lost.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ddal_jax.disk import whole
from ddal_jax.experiments import results
from ddal_jax.experiments.results import Record, RunHeader
from ddal_jax.loop import LoopState

RESULTS, STATE, SNAPSHOTS = "results.jsonl", "state.npz", "snapshots"


class Position(NamedTuple):
    """Where a run stands.

    Attributes:
      task: the task being run.
      strategy: the strategy being run.
      next_cycle: the first cycle not yet done.
      leaves: the arrays of its `LoopState`, stacked over seeds.
    """

    task: str
    strategy: str
    next_cycle: int
    leaves: list[np.ndarray]


def begin(folder: Path, headers: Sequence[RunHeader]) -> None:
    """Starts an experiment's results.

    Raises:
      ValueError: the folder holds results already.
    """
    path = folder / RESULTS
    if path.exists():
        raise ValueError(f"{path} already holds results; name another folder with --output, or remove it.")
    (folder / STATE).unlink(missing_ok=True)
    for stale in (folder / SNAPSHOTS).glob("*/*.npz"):
        stale.unlink()
    with whole(path) as file:
        file.write("".join(map(results.header_line, headers)).encode())


def add(folder: Path, records: Sequence[Record], position: Position) -> None:
    """Keeps a finished cycle: first the state with its lines, then the lines.

    Raises:
      OSError: the disk is full, for example; what was kept before stays as it was.
    """
    path, lines = folder / RESULTS, results.record_lines(records)
    where = {name: getattr(position, name) for name in ("task", "strategy", "next_cycle")}
    about = json.dumps({**where, "size_before": path.stat().st_size, "lines": lines})
    _save(folder / STATE, about, position.leaves)
    results.append(path, lines)


def finish(folder: Path) -> None:
    """Drops the state of a run that is complete."""
    (folder / STATE).unlink(missing_ok=True)


def resume(folder: Path, headers: Sequence[RunHeader]) -> Position | None:
    """Returns where the experiment in `folder` stopped, its results put right; None if no cycle was finished.

    Raises:
      ValueError: the folder holds another experiment, or results without the state to go on from.
    """
    path = folder / RESULTS
    refuse_another_experiment(folder, headers)
    if not (folder / STATE).exists():
        if results.read(path).records:
            raise ValueError(f"{path} holds results but {STATE} beside it is missing, so they cannot be gone on with.")
        path.unlink()
        begin(folder, headers)
        return None
    about, leaves = _load(folder / STATE)
    if path.stat().st_size < about["size_before"]:
        raise ValueError(f"{path} lacks lines that {STATE} counts on; it cannot be gone on with.")
    os.truncate(path, about["size_before"])
    results.append(path, about["lines"])
    _tell_of_another_environment(path, headers)
    return Position(about["task"], about["strategy"], about["next_cycle"], leaves)


def is_complete(folder: Path, num_records: int) -> bool:
    """Returns whether `folder` holds all results of its experiment."""
    return not (folder / STATE).exists() and len(results.read(folder / RESULTS).records) == num_records


def refuse_another_experiment(folder: Path, headers: Sequence[RunHeader]) -> None:
    """Refuses a folder with results of other settings.

    Raises:
      ValueError: names what differs.
    """
    path = folder / RESULTS
    found = {run.task: run for run in results.read_runs(path)}
    for header in headers:
        before = found.get(header.task, RunHeader(task=header.task, config={}, environment={}))
        differing = [
            name
            for part in ("config", "strategies", "data")
            for name, value in getattr(header, part).items()
            if getattr(before, part).get(name) != value
        ]
        if differing:
            raise ValueError(
                f"{path} already holds results of other settings ({header.task}: {', '.join(differing)}); "
                "name another folder with --output, or remove it."
            )


def _tell_of_another_environment(path: Path, headers: Sequence[RunHeader]) -> None:
    """Adds the headers anew, so that later records are not laid to the versions and device of earlier ones."""
    latest = {run.task: run.environment for run in results.read(path).runs}
    changed = [header for header in headers if latest[header.task] != header.environment]
    results.append(path, "".join(map(results.header_line, changed)))


def restore(position: Position, like: LoopState) -> LoopState:
    """Returns the state of a position in the shape of `like`.

    Raises:
      ValueError: the arrays are not those of such a run.
    """
    leaves, structure = jax.tree.flatten(like)
    shapes = [(np.shape(leaf), leaf.dtype) for leaf in leaves]
    if shapes != [(leaf.shape, leaf.dtype) for leaf in position.leaves]:
        raise ValueError(f"{STATE} does not fit this experiment's {position.task}; remove the folder and start again.")
    return jax.tree.unflatten(structure, position.leaves)


def _save(path: Path, about: str, leaves: Sequence[np.ndarray]) -> None:
    arrays: dict[str, Any] = {f"leaf_{index}": np.asarray(leaf) for index, leaf in enumerate(leaves)}
    with whole(path) as file:
        np.savez(file, about=np.frombuffer(about.encode(), np.uint8), **arrays)


def _load(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    with np.load(path, allow_pickle=False) as kept:
        leaves = [kept[f"leaf_{index}"] for index in range(len(kept.files) - 1)]
        return json.loads(kept["about"].tobytes()), leaves
