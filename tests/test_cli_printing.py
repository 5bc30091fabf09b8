"""What the words of a campaign print decides nothing, and their help is true."""

import argparse
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from campaigns import BATCH, NUM_POINTS, read_csv, write_labels, write_pool

from ddal_jax import cli, scores
from ddal_jax.campaign import store
from ddal_jax.cli import draw_map, export, next_round, status
from ddal_jax.diversity.redistribution import TIES
from ddal_jax.graph.affinity import SYMMETRIZATIONS
from ddal_jax.pool_graph import METRICS
from ddal_jax.query import DIVERSITIES


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("ddal_jax.cli.session.prepare_jax", lambda: None)
    write_pool(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["text", "json"])
def test_an_output_without_the_letters_of_an_id_is_no_failure(folder, monkeypatch, words):
    names = [f"Größe {row}" for row in range(NUM_POINTS)]
    (folder / "names.txt").write_text("\n".join(names), encoding="utf-8")
    cli.main(["init", "pool.npy", "--ids", "names.txt", "--classes", "a,b"])
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", output)

    code = cli.main(["next", "-n", str(BATCH), *words])

    printed = output.buffer.getvalue().decode("ascii")
    asked = [row["id"] for row in read_csv(folder / "campaign" / "rounds" / "001" / "queries.csv")]
    assert code == 0
    if words:
        assert [query["id"] for query in json.loads(printed)["queries"]] == asked
    else:
        assert asked[0].replace("ö", "\\xf6").replace("ß", "\\xdf") in printed


@pytest.mark.parametrize("output", ["nobody listens", "closed", "full"])
def test_the_code_tells_of_the_work_whatever_becomes_of_the_printing(folder, output):
    if output == "full" and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    cli.main(["init", "pool.npy"])
    write_labels(folder / "labels.csv", [("1", "a")])
    how = {"nobody listens": "| true", "closed": ">&-", "full": "> /dev/full"}[output]
    command = f"sleep 0.2; exec {sys.executable} -m ddal_jax ingest labels.csv --json"

    done = subprocess.run(
        ["bash", "-c", f"({command}) {how}; echo ${{PIPESTATUS[0]}} >&2"], capture_output=True, text=True, timeout=60
    )

    *complaint, code = done.stderr.splitlines()
    assert code == "0"
    assert (len(complaint) == 1 and "could not be printed" in complaint[0]) if output == "full" else not complaint
    with store.opened(folder / "campaign") as connection:
        assert len(store.standing_ingests(connection)) == 1


def _help(command):
    parser = argparse.ArgumentParser(formatter_class=lambda prog: argparse.HelpFormatter(prog, width=10_000))
    command.add_arguments(parser)
    return parser.format_help()


def test_help_names_every_choice_that_the_options_of_a_round_have():
    words = set(re.findall(r"\w+", _help(next_round)))

    assert words >= {*scores.CRITERIA, *DIVERSITIES, *TIES, *SYMMETRIZATIONS, *METRICS}


@pytest.mark.parametrize("command", [status, export, draw_map])
def test_help_tells_whose_settings_a_look_has(command):
    assert "settings of the last round" in _help(command)
    assert "Until the next round, status, export and map look with the settings of this one" in _help(next_round)
