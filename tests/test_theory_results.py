"""Measured claims come back from a file as they were, and a damaged file is refused."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from made_claims import rows_of_all

from ddal_jax.theory import results
from ddal_jax.theory.claims.types import Effort
from ddal_jax.theory.results import Header, Results

ROWS = {
    "sign-cut": [{"error": 0.5, "connected": True}, {"error": None, "connected": False}],
    "reach": [{"pool": "toy"}],
}
HEADER = Header(
    effort=Effort(num_seeds=3, quick=True), environment={"packages": {"jax": "1"}, "commit": None}, data="mine",
    seconds={"sign-cut": 1.25, "reach": 0.5},
    total_seconds=1.5,
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    results.write(tmp_path / "results.jsonl", Results(HEADER, ROWS))
    return tmp_path / "results.jsonl"


def test_results_come_back_as_they_were(tmp_path):
    rows = rows_of_all()
    header = Header(effort=Effort(), environment={}, seconds=dict.fromkeys(rows, 1.0), total_seconds=1.0)

    results.write(tmp_path / "new" / "results.jsonl", Results(header, rows))

    assert results.read(tmp_path / "new" / "results.jsonl") == Results(header, rows)


def test_header_comes_back_as_it_was(path):
    assert results.read(path) == Results(HEADER, ROWS)


def test_plain_rows_hold_what_a_file_can_hold():
    rows = [
        {
            "a": np.float32(0.5),
            "b": jnp.asarray(3),
            "c": np.bool_(True),
            "d": np.nan,
            "e": np.float64(-np.inf),
            "f": "x",
        }
    ]

    made = results.plain(rows)

    assert made == [{"a": 0.5, "b": 3, "c": True, "d": None, "e": None, "f": "x"}]
    assert [type(value) for value in made[0].values()] == [float, int, bool, type(None), type(None), str]


def test_what_is_not_finite_is_written_as_strict_json(path):
    results.write(path, Results(HEADER, ROWS | {"reach": [{"mean": np.inf, "largest": np.nan}]}))

    def refuse(constant):
        raise AssertionError(constant)

    lines = [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]
    assert lines[-1] == {"claim": "reach", "row": {"mean": None, "largest": None}}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: "", "line 1 of .*results.jsonl is damaged"),
        (lambda text: text[:-1], "must hold 4 whole lines, as its first says; got 3"),
        (lambda text: text[: text.rindex('{"claim"')], "must hold 4 whole lines, as its first says; got 3"),
        (lambda text: text + "\n", "must hold 4 whole lines, as its first says; got 5"),
        (lambda text: text.replace("0.5,", "NaN,"), "line 2 of .*results.jsonl is damaged: NaN is no JSON"),
        (lambda text: text.replace('"pool": "toy"', '"pool": "to'), "line 4 of .*results.jsonl is damaged"),
        (lambda text: text.replace('{"pool": "toy"}', "3"), "line 4 of .* must hold a row of reach; got 3"),
        (
            lambda text: text.replace('"claim": "reach"', '"claim": "rich"'),
            "line 4 of .* name a claim of .*; got 'rich'",
        ),
        (lambda text: text.replace('"num_seeds": 3', '"num_seeds": 1'), "line 1 of .* must be the header"),
        (lambda text: text.replace('"header"', '"run"'), "line 1 of .* must be the header"),
        (lambda text: text.replace('"seconds"', '"time"'), "line 1 of .* must be the header"),
        (lambda text: "[]\n" + text, r"line 1 of .* must hold a JSON object; got \[\]"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(path, damage, message):
    path.write_text(damage(path.read_text()))

    with pytest.raises(ValueError, match=message):
        results.read(path)


def test_a_file_that_is_no_text_is_refused(path):
    path.write_bytes(path.read_bytes().replace(b"toy", b"t\xffy"))

    with pytest.raises(ValueError, match="line 4 of .*results.jsonl is damaged"):
        results.read(path)
