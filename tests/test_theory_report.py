"""The report says of every claim what was claimed, by which rule it was judged, and what was found."""

import dataclasses

import pytest
from made_claims import cheap_claim, rows_of_all

from ddal_jax.theory.claims.types import Effort, Verdict
from ddal_jax.theory.report import FAILS, HOLDS, report
from ddal_jax.theory.results import Header, Results

ROWS = rows_of_all()
CLAIMS = {name: cheap_claim(name) for name in ROWS}
HEADER = Header(
    effort=Effort(num_seeds=7), seconds=dict.fromkeys(ROWS, 30.0), total_seconds=200.0,
    environment={"ddal_jax": "9.8", "commit": None, "packages": {"jax": "1.2.3"}, "devices": "2 x TPU"},
)  # fmt: skip


def _verdicts(*, holds):
    return {
        name: [Verdict(f"{name} says {part}.", f"{name} rule {part}.", holds, f"{name} found {part}.") for part in "AB"]
        for name in ROWS
    }


def _report(**changes):
    given = {"results": Results(HEADER, ROWS), "verdicts": _verdicts(holds=True), "claims": CLAIMS, "figures": {}}
    return report(**(given | changes))


def test_every_statement_has_its_place_rule_and_finding():
    text = _report()

    for name, verdicts in _verdicts(holds=True).items():
        own = text[text.index(f". On {name}\n") :]
        assert f"Section of {name}. Measured in 30.0 s, beside others." in own
        for verdict in verdicts:
            assert f"| On {name} | Section of {name} | {verdict.statement} |" in text
            assert f"Holds: {verdict.statement}**\n\n- Rule: {verdict.rule}\n- Found: {verdict.found}\n" in own


def test_a_verdict_that_flips_flips_its_words():
    verdicts = _verdicts(holds=True)
    verdicts["reach"][1] = verdicts["reach"][1]._replace(holds=False)

    text = _report(verdicts=verdicts)

    assert f"reach says A. | **{HOLDS}** |" in text
    assert f"reach says B. | **{FAILS}** |" in text
    assert "**Does not hold: reach says B.**" in text
    assert text.count(f"**{FAILS}**") == 1
    assert _report(verdicts=_verdicts(holds=False)).count(f"**{FAILS}**") == 2 * len(ROWS)


def test_report_tells_how_it_came_about():
    text = _report()
    header = dataclasses.replace(HEADER, effort=Effort(num_seeds=2, quick=True), data="mine, 5,000 of 60,000")

    quick = _report(results=Results(header, ROWS))

    assert "7 seeds from 0, float64, 3.3 min in all." in text
    assert "jax 1.2.3, ddal_jax 9.8, devices 2 x TPU." in text
    assert "This was a quick run" not in text
    assert "None" not in text
    assert "**This was a quick run**" in quick
    assert "verdicts on so little say less" in quick
    assert "mine, 5,000 of 60,000 was measured too where a claim takes any pool: eigenproblem" in quick


def test_only_figures_that_were_drawn_are_shown():
    text = _report(figures={"reach": "reach.png"})

    assert "![On reach](reach.png)" in text
    assert text.count("![") == 1


def test_claims_of_few_rows_are_tables():
    text = _report()

    assert "| toy | 50 | 1 | 0.90000000 | 1e-12 | 2e-12 | 3e-13 | 4e-15 |" in text
    assert r"| path \| of 8 | It tends to phi_2: cosine | 1 | 0.39 | 0.5 | shown |" in text
    assert "| ten classes | It measures doubt | 0.5 | 0.1 | 0 | not shown |" in text
    assert "| toy | phi_2 | 0.0300 | 0.0210 | 0.0200 |" in text


def test_tables_of_the_report_have_equal_rows():
    tables, previous = [], ""
    for line in _report().splitlines():
        if line.startswith("|"):
            tables.append([line]) if not previous.startswith("|") else tables[-1].append(line)
        previous = line

    assert len(tables) == 6
    assert all(len({line.replace(r"\|", "").count("|") for line in table}) == 1 for table in tables)


@pytest.mark.parametrize("missing", [None, "absent"])
def test_a_number_that_is_missing_leaves_its_cell_empty(missing):
    rows = [dict(row) for row in ROWS["eigenproblem"]]
    rows[1]["arpack_difference"] = None
    if missing:
        del rows[1]["arpack_difference"]

    assert "| toy | 50 | 1 | 0.90000000 | 1e-12 | 2e-12 |  | 4e-15 |" in _report(
        results=Results(HEADER, ROWS | {"eigenproblem": rows})
    )
