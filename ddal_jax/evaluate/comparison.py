"""One comparison of all strategies: within each task over paired seeds, then over tasks."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from ddal_jax import checks
from ddal_jax.evaluate import course, measures
from ddal_jax.evaluate.challenge import duels
from ddal_jax.evaluate.curves import Curves, curves, of_strategy
from ddal_jax.evaluate.penalty import common_strategies, penalty_of
from ddal_jax.evaluate.ranks import FEWEST, Ranking, ranking
from ddal_jax.evaluate.resampling import mean_interval
from ddal_jax.evaluate.significance import holm, seeds_needed, signed_rank
from ddal_jax.evaluate.types import Comparison, Pair, Penalties, Standing, TaskComparison
from ddal_jax.experiments.results import Record

_DEFAULT_REFERENCE = "random"


def compare(
    records: Iterable[Record],
    *,
    metric: str = "accuracy",
    reference: str | None = None,
    target: float | None = None,
    difference: float = 0.01,
    seed: int = 0,
    data_sets: Mapping[str, str] | None = None,
    challenger: str | None = None,
) -> Comparison:
    """Compares strategies by the area under their learning curves.

    Within a task the unit is the seed: paired differences, a bootstrap interval, Wilcoxon's signed-rank test for
    every pair, corrected by Holm over all pairs of the task. Over tasks the unit is the task: see `ranking`.

    Args:
      records: see `curves` for what is left out.
      metric: "accuracy" or "balanced_accuracy".
      reference: strategy that differences are taken to. None: "random" where a task has it, else the first.
      target: of the labels counted, in (0, 1]. None: what the reference's mean curve reaches last.
      difference: of areas, for which the needed number of seeds is told.
      seed: of the bootstrap.
      data_sets: the data set of each task, where known: tasks on fewer than three of them are not ranked, since
        settings of one data set are no independent tasks.
      challenger: strategy to be tested by itself against each other one, corrected for these tests alone. Name one
        only if it was chosen before the results were seen.

    Returns:
      The comparison: plain numbers, `as_dict()` for JSON; `report` writes it for people.

    Raises:
      ValueError: see `curves`; also an unknown reference or challenger, a target outside (0, 1], or a task with fewer
        than two seeds or two strategies.
    """
    records = list(records)
    by_task = curves(records, metric=metric)
    if target is not None:
        target = measures.fraction("target", target)
    checks.positive_float("difference", difference)
    seconds = course.acquisition_seconds(records)
    phases = course.phases(records)
    tasks = []
    for task, own in by_task.items():
        _refuse_what_cannot_be_compared(own)
        per_seed = {name: taken.per_seed for name, taken in seconds[task].items()}
        tasks.append(
            _compare_task(
                own,
                _reference(own, reference),
                target,
                difference=difference,
                seed=seed,
                seconds=per_seed,
                phases=phases[task],
                challenger=challenger,
            )  # fmt: skip
        )
    common = common_strategies(by_task)
    num_data_sets = len({(data_sets or {}).get(task, task) for task in by_task})
    return Comparison(
        metric=metric,
        target=target,
        difference=difference,
        tasks=tuple(tasks),
        penalty=_penalties(by_task) if len(common) > 1 else None,
        challenger=challenger,
        ranking=_ranking(by_task, common) if num_data_sets >= FEWEST and len(common) >= FEWEST else None,
    )


def _refuse_what_cannot_be_compared(own: Curves) -> None:
    if len(own.strategies) < 2:
        raise ValueError(
            f"records of task {own.task!r} must hold at least two strategies; got {', '.join(own.strategies)} alone."
        )
    if len(own.seeds) < 2:
        raise ValueError(
            f"records of task {own.task!r} must hold at least two seeds, as one says nothing of chance; "
            f"got seed {', '.join(map(str, own.seeds))} alone."
        )


def _reference(own: Curves, reference: str | None) -> str:
    if reference is None:
        return _DEFAULT_REFERENCE if _DEFAULT_REFERENCE in own.strategies else own.strategies[0]
    return own.strategies[of_strategy(own, reference)]


def _compare_task(
    own: Curves,
    reference: str,
    target: float | None,
    *,
    difference: float,
    seed: int,
    seconds: Mapping[str, float],
    phases: Mapping[str, course.Phases],
    challenger: str | None,
) -> TaskComparison:
    if challenger is not None:
        of_strategy(own, challenger)
    areas = measures.area(own.num_labeled, own.values)
    # Rounded, so that equal areas keep the order of the records whatever the rounding of sums.
    order = np.argsort(-np.round(areas.mean(axis=1), 12), kind="stable").tolist()
    pairs = _pairs(areas[order], [own.strategies[place] for place in order], difference)
    if target is None:
        target = float(own.values[own.strategies.index(reference)].mean(axis=0)[-1])
    return TaskComparison(
        task=own.task,
        num_seeds=len(own.seeds),
        start=int(own.num_labeled[0]),
        budget=int(own.num_labeled[-1]),
        reference=reference,
        target=target,
        standings=_standings(own, areas, order, pairs, reference=reference, target=target, seed=seed, seconds=seconds),
        pairs=pairs,
        phases={name: _plain_phases(phases[name]) for name in own.strategies},
        left_out=own.left_out,
        duels=duels(challenger, areas, own.strategies) if challenger else (),
    )


def _plain_phases(phases: course.Phases) -> dict[str, list[Any]]:
    return {name: values.tolist() for name, values in phases._asdict().items()}


def _standings(
    own: Curves,
    areas: Float[np.ndarray, "strategies seeds"],
    order: list[int],
    pairs: tuple[Pair, ...],
    *,
    reference: str,
    target: float,
    seed: int,
    seconds: Mapping[str, float],
) -> tuple[Standing, ...]:
    mean_curves = own.values.mean(axis=1)
    to_base = areas - areas[own.strategies.index(reference)]
    low, high = mean_interval(to_base.T, seed=seed)
    p_values = {name: pair.p_value for pair in pairs if (name := pair.against(reference))}
    return tuple(
        Standing(
            strategy=own.strategies[place],
            place=rank,
            area=float(areas[place].mean()),
            spread=float(areas[place].std(ddof=1)),
            difference=float(to_base[place].mean()),
            low=float(low[place]),
            high=float(high[place]),
            p_value=p_values.get(own.strategies[place], 1.0),
            labels=measures.crossing(own.num_labeled, mean_curves[place], target=target),
            final=float(mean_curves[place, -1]),
            acquisition=seconds[own.strategies[place]],
        )
        for rank, place in enumerate(order, start=1)
    )


def _pairs(areas: Float[np.ndarray, "strategies seeds"], names: list[str], difference: float) -> tuple[Pair, ...]:
    places = list(itertools.combinations(range(len(names)), 2))
    differences = [areas[i] - areas[j] for i, j in places]
    adjusted = holm(np.array([signed_rank(own) for own in differences]))
    return tuple(
        Pair(
            first=names[i],
            second=names[j],
            difference=float(own.mean()),
            spread=float(own.std(ddof=1)),
            p_value=float(p_value),
            seeds_needed=seeds_needed(float(own.std(ddof=1)), difference=difference),
        )
        for (i, j), own, p_value in zip(places, differences, adjusted, strict=True)
    )


def _penalties(by_task: Mapping[str, Curves]) -> Penalties:
    found = penalty_of(by_task)
    return Penalties(
        strategies=found.strategies,
        matrix=tuple(tuple(row) for row in found.matrix.tolist()),
        penalties=tuple(found.penalties.tolist()),
        checkpoints=found.checkpoints,
    )


def _ranking(by_task: Mapping[str, Curves], common: tuple[str, ...]) -> Ranking:
    rows = [
        [measures.area(own.num_labeled, own.values[own.strategies.index(name)]).mean() for name in common]
        for own in by_task.values()
    ]
    return ranking(np.array(rows), common)
