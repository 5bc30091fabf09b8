"""Whether results may be compared at all: the same task must be the same experiment wherever it is found."""

from collections.abc import Iterable, Mapping
from typing import Any

from ddal_jax.experiments.results import RunHeader

# What may differ between two runs of a task whose strategies are compared.
_FREE = {"strategies", "watch"}


def refuse_unpaired_runs(runs: Iterable[RunHeader]) -> None:
    """Refuses runs that bear the name of one task and are not one experiment.

    Args:
      runs: headers of results files.

    Raises:
      ValueError: names the task and what differs: settings, data, starts, or what a strategy's name stands for.
    """
    known: dict[str, RunHeader] = {}
    for run in runs:
        first = known.setdefault(run.task, run)
        differing = _differing(first.config, run.config, _FREE) + _differing(first.data, run.data, set())
        shared = set(first.strategies) & set(run.strategies)
        differing += [f"strategy {name}" for name in sorted(shared) if first.strategies[name] != run.strategies[name]]
        if differing:
            raise ValueError(
                f"results of task {run.task!r} must come from one experiment to be paired; they differ in "
                f"{', '.join(differing)}. Compare them apart, or run them under the same settings."
            )


def data_sets(runs: Iterable[RunHeader]) -> dict[str, str]:
    """Returns the data set of each task."""
    return {run.task: run.config.get("data", {}).get("name", run.task) for run in runs}


def _differing(first: Mapping[str, Any], other: Mapping[str, Any], free: set[str]) -> list[str]:
    # What an older file does not say cannot differ.
    return [name for name in first if name not in free and first[name] != other.get(name, first[name])]
