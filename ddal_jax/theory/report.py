"""The claims in words and tables: Markdown that says of each whether it holds, by which rule, and what was found."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ddal_jax.theory.claims.types import Claim, Row, Verdict
from ddal_jax.theory.results import Header, Results

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "not decided"
# Of the others, whose graphs are given by what is claimed, nothing could be measured on it.
OWN_POOL = ("eigenproblem", "minimal-cut", "power-iteration", "harmonic-limit", "reach")
_QUICK = "**This was a quick run**, on smaller pools and fewer settings: verdicts on so little say less."


def word(verdict: Verdict) -> str:
    """Returns the verdict in words."""
    return UNDECIDED if verdict.holds is None else HOLDS if verdict.holds else FAILS


def report(
    results: Results,
    verdicts: Mapping[str, Sequence[Verdict]],
    claims: Mapping[str, Claim],
    figures: Mapping[str, str],
) -> str:
    """Writes all verdicts as Markdown: in one table, then claim by claim with the rule and what was found.

    Args:
      results: what was measured.
      verdicts: by claim, read from the rows of `results`.
      claims: for their titles and places.
      figures: names of the files that show them, for the claims that have one.
    """
    parts = [
        "# The paper's theory, measured",
        _how(results.header),
        "Each verdict comes of a rule applied to the numbers; the rule stands beside it. What fails as printed and can "
        "be repaired is followed by the repair, a statement with a verdict of its own.",
        _overview(verdicts, claims),
    ]
    for number, (name, found) in enumerate(verdicts.items(), start=1):
        claim, rows = claims[name], results.rows[name]
        parts += [
            f"## {number}. {claim.title}",
            f"{claim.place}. Measured in {_time(results.header.seconds[name])}, beside others.",
        ]
        parts += [_verdict(verdict) for verdict in found]
        if name in _TABLES and rows:
            parts.append(_TABLES[name](rows))
        if name in figures:
            parts.append(f"![{claim.title}]({figures[name]})")
    return "\n\n".join(parts) + "\n"


def _how(header: Header) -> str:
    effort, environment = header.effort, dict(header.environment)
    packages = environment.pop("packages", {})
    said = [f"{name} {value}" for name, value in packages.items()]
    said += [f"{name} {value}" for name, value in environment.items() if value is not None]
    pool = (
        f" {header.data} was measured too where a claim takes any pool: {', '.join(OWN_POOL)}." if header.data else ""
    )
    parts = [
        f"{effort.num_seeds} seeds from {effort.seed}, float64, {_time(header.total_seconds)} in all.{pool}",
        *([_QUICK] if effort.quick else []),
        f"Environment: {', '.join(said)}.",
    ]
    return "\n\n".join(parts)


def _overview(verdicts: Mapping[str, Sequence[Verdict]], claims: Mapping[str, Claim]) -> str:
    rows = [
        (claims[name].title, claims[name].place, verdict.statement, f"**{word(verdict)}**")
        for name, found in verdicts.items()
        for verdict in found
    ]
    return _table(("claim", "place", "statement", "verdict"), rows)


def _verdict(verdict: Verdict) -> str:
    lines = (
        f"**{word(verdict)[0].upper()}{word(verdict)[1:]}: {verdict.statement}**",
        f"- Rule: {verdict.rule}",
        f"- Found: {verdict.found}",
    )
    return "\n".join((lines[0], "", *lines[1:]))


def _eigenproblem(rows: Sequence[Row]) -> str:
    columns = {
        "graph": "graph", "nodes": "num_nodes", "pair": "pair", "eigenvalue": "eigenvalue",
        "M phi - lambda phi": "walk_residual", "L phi - (1 - lambda) D phi": "laplacian_residual",
        "lambda less ARPACK's": "arpack_difference", "Phi' D Phi - I": "orthogonality",
    }  # fmt: skip
    cells = [[_cell(row.get(key), exact=key == "eigenvalue") for key in columns.values()] for row in rows]
    return _table(tuple(columns), cells)


def _counterexamples(rows: Sequence[Row]) -> str:
    header = ("graph", "the paper's claim", "it would give", "measured", "fails below", "failure")
    cells = [
        [_cell(row.get(key)) for key in ("name", "claim", "expected", "measured", "limit")]
        + ["shown" if row["shown"] else "not shown"]
        for row in rows
    ]
    return _table(header, cells)


def _minimal_cut(rows: Sequence[Row]) -> str:
    cells = []
    for graph, signal in dict.fromkeys((row["graph"], row["signal"]) for row in rows):
        own = [row for row in rows if (row["graph"], row["signal"]) == (graph, signal)]
        means = [
            np.mean([row[key] for row in own if row[key] is not None] or [np.nan])
            for key in ("normalized_cut", "rayleigh", "lower_bound")
        ]
        cells.append([graph, signal, *(f"{mean:.4f}" for mean in means)])
    return _table(("graph", "signal", "normalised cut, mean", "Rayleigh quotient, mean", "1 - lambda_2"), cells)


def _power_iteration(rows: Sequence[Row]) -> str:
    columns = ("lambda_2", "lambda_3", "lambda_n", "predicted_rate", "measured_rate")
    cells = []
    for graph in dict.fromkeys(row["graph"] for row in rows):
        own = [row for row in rows if row["graph"] == graph and row.get("predicted_rate") is not None]
        found = [np.mean([row[key] for row in own if row[key] is not None] or [np.nan]) for key in columns]
        cells.append([graph, *(f"{value:.6f}" for value in found)])
    header = ("graph", "lambda_2", "lambda_3", "lambda_n", "rate of the lazy walk, predicted", "measured, mean")
    return _table(header, cells)


def _reach(rows: Sequence[Row]) -> str:
    columns = {
        "pool": "pool", "nodes": "num_points", "K": "num_neighbors", "T by the rule": "step", "mean reach": "mean",
        "queries to cover": "queries_to_cover", "K that connects": "fitting_neighbors", "T that fits": "fitting_steps",
    }  # fmt: skip
    cells = []
    for pool in dict.fromkeys(row["pool"] for row in rows):
        own = [row for row in rows if row["pool"] == pool and row["recommended"]]
        means = {key: float(np.mean([row[key] for row in own])) for key in ("mean", "queries_to_cover")}
        cells.append([_cell((own[0] | means).get(key)) for key in columns.values()])
    explained = (
        "The last two columns are what `theory.recommend` reads from the graphs: the smallest K of 5, 10, 15, 20, 30 "
        "that holds 99 % of the nodes together, and there the smallest T at which the reach of 20 labels adds up to "
        "the pool. A quick run leaves them out."
    )
    return f"{_table(tuple(columns), cells)}\n\n{explained}"


# The claims whose rows are few enough to be read as they are.
_TABLES: dict[str, Callable[[Sequence[Row]], str]] = {
    "eigenproblem": _eigenproblem,
    "counterexamples": _counterexamples,
    "minimal-cut": _minimal_cut,
    "power-iteration": _power_iteration,
    "reach": _reach,
}


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lays out a Markdown table; columns of numbers are set to the right."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    right = [all(_is_number(row[place]) for row in rows) for place in range(len(header))]
    rule = ["---:" if numbers else ":---" for numbers in right]
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rule, *cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return not cell
    return True


def _cell(value: Any, *, exact: bool = False) -> str:
    """Writes a number as short as it may be."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.8f}" if exact else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
