"""The comparison in words and tables: Markdown that reads as well in a terminal."""

import math
from collections.abc import Sequence

from ddal_jax.evaluate.challenge import SMALLEST_WIN
from ddal_jax.evaluate.ranks import FEWEST, Ranking
from ddal_jax.evaluate.significance import LEVEL, fewest_pairs_to_resolve
from ddal_jax.evaluate.types import Comparison, Penalties, TaskComparison

_FEW_SEEDS = 5


def report(comparison: Comparison) -> str:
    """Writes a comparison as Markdown: each task, then all tasks together.

    Every task says how many seeds it has, what they resolve, and plainly where they resolve nothing.
    """
    parts = [_task(task, comparison) for task in comparison.tasks]
    if comparison.penalty:
        parts.append(_penalty(comparison.penalty))
    parts.append(_ranking(comparison.ranking, len(comparison.tasks)))
    return "\n\n".join(parts) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lays out a Markdown table with aligned columns, the first to the left and the others to the right."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    widths = [max(3, *(len(row[place]) for row in cells)) for place in range(len(header))]
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def _task(task: TaskComparison, comparison: Comparison) -> str:
    metric = comparison.metric.replace("_", " ")
    parts = [
        f"## {task.task}",
        f"{task.num_seeds} paired seeds, {task.start} to {task.budget} labels, held-out {metric}; best area first; "
        f"areas in points (hundredths), differences to {task.reference}.",
        table(*_standings(task)),
        "95 %: bootstrap interval of the difference. p: Wilcoxon signed-rank over seeds, Holm over "
        f"{_count(task.pairs, 'pair')}. Seeds: paired seeds with which a single t-test planned beforehand, not "
        f"corrected, finds a difference of {100 * comparison.difference:.1f} points at 80 % power.",
        "The intervals of so few seeds are too narrow." if task.num_seeds < _FEW_SEEDS else "",
        *task.left_out,
        _verdict(task),
        _saving(task),
    ]
    if len(task.standings) > 2:
        parts += [f"Differences of area in points, row minus column; * = p < {LEVEL}:", _matrix(task)]
    if task.duels:
        parts += [f"### {comparison.challenger} against each rival", _duels(task)]
    return "\n\n".join(filter(None, parts))


def _standings(task: TaskComparison) -> tuple[list[str], list[list[str]]]:
    header = [
        "strategy", "area", f"to {task.reference}", "95 %", "p", f"labels to {task.target:.3f}", "last", "query",
        "seeds",
    ]  # fmt: skip
    needed = {name: pair.seeds_needed for pair in task.pairs if (name := pair.against(task.reference))}
    rows = []
    for own in task.standings:
        row = [own.strategy, f"{100 * own.area:.2f}"]
        if own.strategy == task.reference:
            row += ["", "", ""]
        else:
            row += [f"{100 * own.difference:+.2f}", f"[{100 * own.low:+.2f}, {100 * own.high:+.2f}]", _p(own.p_value)]
        row += [_labels(own.labels, task), f"{own.final:.3f}", _time(own.acquisition)]
        rows.append([*row, "" if own.strategy == task.reference else str(needed[own.strategy])])
    return header, rows


def _verdict(task: TaskComparison) -> str:
    """Says what the seeds resolve: against the reference, for the best strategy, and whether they could at all."""
    others = [own for own in task.standings if own.strategy != task.reference]
    above = [own.strategy for own in others if own.p_value < LEVEL and own.difference > 0]
    below = [own.strategy for own in others if own.p_value < LEVEL and own.difference < 0]
    best = task.standings[0].strategy
    equals = [pair.second for pair in task.pairs if pair.first == best and not pair.resolved]
    sentences = [f"Resolved above {task.reference}: {', '.join(above)}."] if above else []
    if below:
        sentences.append(f"Resolved below {task.reference}: {', '.join(below)}.")
    if not above and not below:
        sentences.append(f"No difference to {task.reference} resolved.")
    if not any(pair.resolved for pair in task.pairs):
        sentences = ["**No difference resolved** between any two strategies."]
    elif equals:
        sentences.append(f"Best area: {best}, not resolved from {', '.join(equals)}.")
    else:
        sentences.append(f"Best area: {best}, resolved from every other.")
    needed = fewest_pairs_to_resolve(len(task.pairs))
    if task.num_seeds < needed:
        sentences.append(
            f"With {task.num_seeds} seeds this test cannot resolve any of {_count(task.pairs, 'pair')}; "
            f"it takes at least {needed} seeds."
        )
    return " ".join(sentences)


def _saving(task: TaskComparison) -> str:
    """Says in labels what the strategy of the best area is worth, and whether that is resolved."""
    best, base = task.standings[0], next(own for own in task.standings if own.strategy == task.reference)
    if best is base:
        return ""
    if not math.isfinite(best.labels):
        return f"The mean curve of {best.strategy} does not reach {task.target:.3f} within {task.budget} labels."
    text = f"{best.strategy} reaches {task.target:.3f} with {_labels(best.labels, task)} labels in the mean"
    if not math.isfinite(base.labels):
        text += f"; {base.strategy} does not within {task.budget}."
    else:
        text += f", {base.strategy} with {_labels(base.labels, task)}"
        saved = 1 - best.labels / base.labels
        text += f": {saved:.0%} fewer." if saved > 0 else "."
    return text if best.p_value < LEVEL else f"{text} The difference of their areas is not resolved."


def _matrix(task: TaskComparison) -> str:
    names = [own.strategy for own in task.standings]
    cells = [["" for _ in names] for _ in names]
    for pair in task.pairs:
        i, j, mark = names.index(pair.first), names.index(pair.second), "*" if pair.resolved else " "
        cells[i][j], cells[j][i] = (f"{100 * sign * pair.difference:+.1f}{mark}" for sign in (1, -1))
    return _square(names, cells)


def _duels(task: TaskComparison) -> str:
    rows = [
        [duel.rival, f"{100 * duel.difference:+.2f} ± {100 * duel.error:.2f}", _p(duel.p_value),
         f"{duel.won} / {duel.lost}", duel.verdict]
        for duel in task.duels
    ]  # fmt: skip
    smallest = f"{100 * SMALLEST_WIN:.1f} points"
    rule = (
        f"Difference of area in points, mean ± standard error; p: Wilcoxon signed-rank over seeds, Holm over "
        f"{_count(rows, 'rival')} alone. Above: p < {LEVEL} and at least {smallest}. Below: behind by more than "
        f"{smallest} and two standard errors. Else level."
    )
    return f"{rule}\n\n{table(['rival', 'difference', 'p', 'seeds won / lost', 'verdict'], rows)}"


def _penalty(penalty: Penalties) -> str:
    names = list(penalty.strategies)
    cells = [["" if i == j else f"{value:.2f}" for j, value in enumerate(row)] for i, row in enumerate(penalty.matrix)]
    checkpoints = "; ".join(f"{task}: {', '.join(map(str, at))}" for task, at in penalty.checkpoints.items())
    return "\n\n".join(
        (
            "## Pairwise penalty",
            "Share of checkpoints at which the row beats the column (paired t-test over seeds, p < 0.05, not "
            "corrected), summed over tasks. The mean of a column is that strategy's penalty: lower is better.",
            _square(names, cells, ["mean", *(f"{value:.2f}" for value in penalty.penalties)]),
            f"Labels at the checkpoints: {checkpoints}.",
        )
    )


def _ranking(ranking: Ranking | None, num_tasks: int) -> str:
    title = "## Across tasks"
    if ranking is None:
        here = "is 1 task" if num_tasks == 1 else f"are {num_tasks} tasks"
        if num_tasks >= FEWEST:
            here += f" on fewer than {FEWEST} data sets, whose settings are no tasks of their own, or too few in common"
        why = (
            f"No ranking across tasks: it takes at least {FEWEST} tasks with at least {FEWEST} strategies in common; "
            f"here {here}."
        )
        return f"{title}\n\n{why} Seeds of one task are no tasks, so no critical-difference diagram either."
    rows = [[name, f"{rank:.2f}"] for name, rank in zip(ranking.strategies, ranking.average_ranks, strict=True)]
    groups = "; ".join(", ".join(group) for group in ranking.cliques) or "none"
    told = f"Friedman: chi-squared {ranking.friedman_statistic:.2f}, p {_p(ranking.friedman_p)}"
    told += "." if ranking.friedman_p < LEVEL else ": **no difference resolved** across tasks."
    parts = [
        title,
        f"Average rank of the mean area over {ranking.num_tasks} tasks, taken as independent: "
        "settings of one data set are not.",
        table(["strategy", "average rank"], rows),
        f"{told} Not told apart (Wilcoxon signed-rank over tasks, Holm): {groups}.",
    ]
    needed = fewest_pairs_to_resolve(len(ranking.p_values))
    if ranking.num_tasks < needed:
        parts.append(f"The test of pairs cannot resolve any with fewer than {needed} tasks.")
    return "\n\n".join(parts)


def _square(names: Sequence[str], cells: Sequence[Sequence[str]], last: Sequence[str] | None = None) -> str:
    """Lays out a matrix whose columns are numbered, so that many strategies fit a line."""
    rows = [[f"{number} {name}", *row] for number, (name, row) in enumerate(zip(names, cells, strict=True), start=1)]
    return table(["", *map(str, range(1, len(names) + 1))], [*rows, list(last)] if last else rows)


def _labels(labels: float, task: TaskComparison) -> str:
    if not math.isfinite(labels):
        return f"> {task.budget}"
    return f"<= {task.start}" if labels <= task.start else str(math.ceil(labels - 1e-9))


def _time(seconds: float) -> str:
    return "" if math.isnan(seconds) else f"{1000 * seconds:.3g} ms"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _count(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
