"""The folder of a comparison: results replaced as a whole after each rule, so that a stopped run goes on."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ddal_jax.disk import whole
from ddal_jax.experiments import journal, results
from ddal_jax.experiments.fixed_graph.run import header, problems, run_rule
from ddal_jax.experiments.fixed_graph.settings import FixedGraphSettings
from ddal_jax.experiments.results import Record, RunHeader


class Progress(NamedTuple):
    """A rule that has been run on all seeds of a task.

    Attributes:
      task: name of the task.
      rule: name of the rule.
      seconds: of its queries, a seed.
    """

    task: str
    rule: str
    seconds: float


def execute(tasks: Sequence[FixedGraphSettings], folder: Path) -> Iterator[Progress]:
    """Runs what of the tasks is not in the folder yet.

    Raises:
      ValueError: a folder with results of other settings.
      OSError: the disk is full, for example; what was kept before stays as it was.
    """
    drawn = [problems(settings) for settings in tasks]
    headers = [header(settings, own) for settings, own in zip(tasks, drawn, strict=True)]
    records = _known(folder, headers)
    for settings, own in zip(tasks, drawn, strict=True):
        done = {record.strategy for record in records if record.task == settings.task}
        for rule in settings.rules:
            if rule in done:
                continue
            found = run_rule(settings, rule, own)
            records += found
            _keep(folder, headers, records)
            yield Progress(settings.task, rule, sum(each.acquisition_seconds for each in found) / settings.num_seeds)


def _known(folder: Path, headers: Sequence[RunHeader]) -> list[Record]:
    path = folder / journal.RESULTS
    if not path.exists():
        return []
    journal.refuse_another_experiment(folder, headers)
    return results.read(path).records


def _keep(folder: Path, headers: Sequence[RunHeader], records: Sequence[Record]) -> None:
    with whole(folder / journal.RESULTS) as file:
        file.write("".join([*map(results.header_line, headers), results.record_lines(records)]).encode())
