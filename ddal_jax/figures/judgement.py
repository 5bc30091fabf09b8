"""The judgement in pictures: curves, differences, spread, phases, penalties, ranks and times."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ddal_jax.evaluate import course, measures
from ddal_jax.evaluate.curves import Curves, curves
from ddal_jax.evaluate.penalty import penalty_of
from ddal_jax.evaluate.resampling import bands
from ddal_jax.evaluate.types import Comparison
from ddal_jax.experiments.results import Record
from ddal_jax.figures.critical_difference import critical_difference
from ddal_jax.figures.palette import Look, looks
from ddal_jax.figures.style import STYLE, plt, save

_STYLE: dict[Any, Any] = {**STYLE, "axes.axisbelow": True, "axes.titlesize": 11, "font.size": 10}
_MANY, _BEST = 6, 3


def draw(records: Sequence[Record], comparison: Comparison, folder: Path) -> list[str]:
    """Draws every figure that the records allow into a folder, and returns the names of the files.

    Args:
      records: of any number of tasks.
      comparison: of the same records; tells the metric, the reference and the ranking.
      folder: that exists.
    """
    metric = comparison.metric
    references = {task.task: task.reference for task in comparison.tasks}
    made: dict[str, Callable[[Path], object]] = {
        "learning_curves.png": lambda path: learning_curves(records, path, metric=metric),
        "differences.png": lambda path: difference_curves(records, path, references=references, metric=metric),
        "spread.png": lambda path: spread(records, path, metric=metric),
    }
    if not all(all(record.reached) for record in records):
        made["unexplored.png"] = lambda path: unexplored(records, path)
    if any(record.boundary_distances for record in records):
        made["boundary_distances.png"] = lambda path: boundary_distances(records, path)
    if any(standing.acquisition > 0 for task in comparison.tasks for standing in task.standings):
        made["acquisition_times.png"] = lambda path: acquisition_times(records, path)
    if comparison.penalty:
        made["penalty.png"] = lambda path: penalty(records, path, metric=metric)
    if (ranking := comparison.ranking) is not None:
        made["critical_difference.png"] = lambda path: critical_difference(ranking, path)
    for name, make in made.items():
        make(folder / name)
    return list(made)


def learning_curves(records: Sequence[Record], path: Path, *, metric: str = "accuracy") -> None:
    """Draws mean learning curves with 95 % bootstrap bands, one panel per task, best area first in the legend.

    With more than six strategies the bands would hide the curves: then the best three alone have one.
    """
    by_task = curves(records, metric=metric)
    with _panels(by_task, path, size=(5.4, 3.9)) as panels:
        for axes, own, style in panels:
            shown = bands(own)
            banded = _banded(own)
            for place, name in enumerate(own.strategies):
                _line(axes, own.num_labeled, shown.mean[place], name, style[name])
                if name in banded:
                    _band(axes, own.num_labeled, shown.low[place], shown.high[place], style[name])
            axes.set(xlabel="labels", ylabel=f"held-out {metric.replace('_', ' ')}")


def difference_curves(
    records: Sequence[Record], path: Path, *, references: Mapping[str, str], metric: str = "accuracy"
) -> None:
    """Draws, in points, how far each curve lies above that of its task's reference, with the paired difference's band.

    With more than six strategies the best three alone have a band.
    """
    with _panels(curves(records, metric=metric), path, size=(5.4, 3.9)) as panels:
        for axes, own, style in panels:
            reference = references[own.task]
            shown, banded = bands(own, reference=reference), _banded(own)
            axes.axhline(0, color=style[reference].color, ls=style[reference].line, lw=1.4)
            for place, name in enumerate(own.strategies):
                if name == reference:
                    continue
                mean, low, high = (100 * part[place] for part in (shown.mean, shown.low, shown.high))
                _line(axes, own.num_labeled, mean, name, style[name])
                if name in banded:
                    _band(axes, own.num_labeled, low, high, style[name])
            axes.set(xlabel="labels", ylabel=f"points above {reference}")


def spread(records: Sequence[Record], path: Path, *, metric: str = "accuracy") -> None:
    """Draws the standard deviation over seeds at each checkpoint, in points."""
    by_task = {task: own for task, own in curves(records, metric=metric).items() if len(own.seeds) > 1}
    if not by_task:
        raise ValueError("records must hold at least two seeds of some task; got one.")
    with _panels(by_task, path, size=(5.4, 3.4)) as panels:
        for axes, own, style in panels:
            for name, values in zip(own.strategies, own.values, strict=True):
                _line(axes, own.num_labeled, 100 * values.std(axis=0, ddof=1), name, style[name])
            axes.set(xlabel="labels", ylabel="standard deviation over seeds, points", ylim=(0, None))


def unexplored(records: Sequence[Record], path: Path) -> None:
    """Draws the share of each strategy's queries that no label reached when they were asked.

    Strategies that never ask such a point, as those without a graph, are not drawn.
    """
    exploring = {(record.task, record.strategy) for record in records if not all(record.reached)}
    if not exploring:
        raise ValueError("records must hold a query that no label reached; none does.")
    records = [record for record in records if (record.task, record.strategy) in exploring]
    _course(records, path, lambda own: own.unexplored, "share of queries no label reaches", (-0.03, 1.03))


def boundary_distances(records: Sequence[Record], path: Path) -> None:
    """Draws how far from the true class boundary each strategy asks, for the tasks where that is known."""
    known = {record.task for record in records if record.boundary_distances}
    if not known:
        raise ValueError("records must know the distance to the class boundary in some task; none does.")
    of_known = [record for record in records if record.task in known]
    _course(of_known, path, lambda own: own.boundary_distance, "mean distance to the class boundary", (0.0, None))


def _course(
    records: Sequence[Record],
    path: Path,
    measure: Callable[[course.Phases], Float[np.ndarray, " queries"]],
    label: str,
    limits: tuple[float, float | None],
) -> None:
    found = course.phases(records)
    with _panels(curves(records), path, size=(5.4, 3.4)) as panels:
        for axes, own, style in panels:
            for name in own.strategies:
                phase = found[own.task][name]
                _line(axes, phase.num_labeled, measure(phase), name, style[name])
            axes.set(xlabel="labels known when asking", ylabel=label, ylim=limits)


def acquisition_times(records: Sequence[Record], path: Path) -> None:
    """Draws the time of one query of one seed as bars, fastest first, on a logarithmic axis."""
    found = {
        task: {name: 1000 * taken.per_seed for name, taken in own.items() if taken.per_seed > 0}
        for task, own in course.acquisition_seconds(records).items()
    }
    found = {task: own for task, own in found.items() if own}
    if not found:
        raise ValueError("records must hold a query after the first cycle for a time that is not compilation.")
    style = looks(name for own in found.values() for name in own)
    rows = max(map(len, found.values()))
    with _grid(len(found), (4.8, 1.1 + 0.28 * rows), path) as (_, all_axes):
        for axes, (task, own) in zip(all_axes, found.items(), strict=True):
            names = sorted(own, key=lambda name: -own[name])
            times = [own[name] for name in names]
            bars = axes.barh(names, times, color=[style[name].color for name in names], height=0.65)
            axes.bar_label(bars, [f"{time:.3g}" for time in times], padding=3, fontsize=9)
            axes.set(title=task, xscale="log", xlabel="milliseconds per query and seed")
            axes.set_xlim(min(times) / 3, max(times) * 2.5)
            axes.grid(visible=False, axis="y")


def penalty(records: Sequence[Record], path: Path, *, metric: str = "accuracy") -> None:
    """Draws the pairwise penalty matrix, least beaten first, the column means beneath."""
    by_task = curves(records, metric=metric)
    found = penalty_of(by_task)
    order = np.argsort(found.penalties, kind="stable")
    names = [found.strategies[place] for place in order]
    matrix = found.matrix[np.ix_(order, order)]
    size = 1.9 + 0.5 * len(names)
    style = {**_STYLE, "axes.grid": False, "axes.spines.left": False, "axes.spines.bottom": False}
    with plt.rc_context(style):
        figure, (above, below) = plt.subplots(
            2, 1, figsize=(size + 0.9, size), height_ratios=(len(names), 1), sharex=True
        )
        top = max(float(matrix.max()), 1e-9)
        image = _cells(above, matrix, top)
        _cells(below, found.penalties[order][None], top)
        above.set_yticks(range(len(names)), names)
        below.set_yticks([0], ["penalty"], fontweight="bold")
        below.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        for axes in (above, below):
            axes.tick_params(length=0)
        above.tick_params(labelbottom=False)
        counted = "1 task" if len(by_task) == 1 else f"{len(by_task)} tasks"
        above.set_title(f"share of checkpoints at which the row beats the column, {counted}", loc="left")
        figure.colorbar(image, ax=above, shrink=0.7, pad=0.02).outline.set_visible(False)  # pyright: ignore[reportCallIssue]
        save(figure, path)


def _cells(axes: Any, matrix: Float[np.ndarray, "rows columns"], top: float) -> Any:
    image = axes.imshow(matrix, cmap="Blues", vmin=0, vmax=top, aspect="auto")
    for (row, column), value in np.ndenumerate(matrix):
        if len(matrix) == 1 or row != column:
            color = "#aaaaaa" if value == 0 else "white" if value > 0.6 * top else "#222222"
            axes.text(
                column, row, f"{value:.2f}" if value else "0", ha="center", va="center", color=color, fontsize=8.5
            )
    return image


@contextmanager
def _panels(
    by_task: Mapping[str, Curves], path: Path, *, size: tuple[float, float]
) -> Iterator[list[tuple[Any, Curves, dict[str, Look]]]]:
    """Opens one panel per task, and closes with one legend beside them all, the best mean area first."""
    order = _by_area(by_task)
    style = looks(order)
    with _grid(len(by_task), size, path) as (figure, all_axes):
        yield [(axes, own, style) for axes, own in zip(all_axes, by_task.values(), strict=True)]
        handles: dict[str, Any] = {}
        for axes, own in zip(all_axes, by_task.values(), strict=True):
            axes.set_title(f"{own.task}, {len(own.seeds)} seeds")
            handles |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        shown = [name for name in order if name in handles]
        figure.legend([handles[name] for name in shown], shown, loc="outside right upper", handlelength=3)


@contextmanager
def _grid(num_panels: int, size: tuple[float, float], path: Path) -> Iterator[tuple[Any, list[Any]]]:
    columns = 2 if num_panels == 4 else min(num_panels, 3)
    rows = -(-num_panels // columns)
    with plt.rc_context(_STYLE):
        figure, all_axes = plt.subplots(rows, columns, figsize=(size[0] * columns + 1.5, size[1] * rows), squeeze=False)
        for axes in all_axes.flat[num_panels:]:
            axes.axis("off")
        yield figure, list(all_axes.flat[:num_panels])
        save(figure, path)


def _banded(own: Curves) -> list[str]:
    """Returns the strategies whose bands are drawn: all, or the best where they are many."""
    return list(own.strategies) if len(own.strategies) <= _MANY else _by_area({own.task: own})[:_BEST]


def _by_area(by_task: Mapping[str, Curves]) -> list[str]:
    """Returns all strategies, the best first by their mean place in the tasks that have them."""
    places: dict[str, list[int]] = {}
    for own in by_task.values():
        mean = measures.area(own.num_labeled, own.values).mean(axis=1)
        for place, index in enumerate(np.argsort(-mean, kind="stable")):
            places.setdefault(own.strategies[index], []).append(place)
    return sorted(places, key=lambda name: np.mean(places[name]))


def _line(
    axes: Any, counts: Int[np.ndarray, " points"], values: Float[np.ndarray, " points"], name: str, look: Look
) -> None:
    axes.plot(
        counts, values, color=look.color, ls=look.line, marker=look.marker, ms=4.5, lw=1.6, markeredgewidth=0.9,
        markerfacecolor="white" if look.line != "-" and look.marker != "x" else look.color, label=name,
        markevery=max(1, len(counts) // 12),
    )  # fmt: skip


def _band(
    axes: Any,
    counts: Int[np.ndarray, " points"],
    low: Float[np.ndarray, " points"],
    high: Float[np.ndarray, " points"],
    look: Look,
) -> None:
    axes.fill_between(counts, low, high, color=look.color, alpha=0.16, lw=0)
