"""The words of a campaign: what they print, how they end, and a person's whole way from an empty folder."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from campaigns import BATCH, NUM_POINTS, answers, read_csv, truth, write_labels, write_pool
from processes import TESTS, run_python

from ddal_jax import cli
from ddal_jax.campaign.rounds import COLUMNS, Round
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings

ASKED = Round(1, Path("001"), [dict.fromkeys(COLUMNS, 1)])


@pytest.fixture(autouse=True)
def _leave_jax_as_it_is(monkeypatch):
    monkeypatch.setattr("ddal_jax.cli.session.prepare_jax", lambda: None)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_pool(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ddal(folder, capsys):
    """Runs a command there and returns exit code, what it printed, and what it complained."""

    def run(*words):
        code = cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if "--json" in words and not code else printed.out, printed.err

    return run


def test_the_whole_way_in_text(ddal, folder):
    begun = "campaign: 40 points with 3 features, ids are row numbers, 0 labels.\nNext: ddal next -n 50 -c campaign\n"
    assert ddal("init", "pool.npy", "--classes", "a,b") == (0, begun, "")

    code, asked, _ = ddal("next", "-n", BATCH)
    lines = asked.splitlines()
    assert (code, lines[0], lines[1].split()) == (0, "campaign/rounds/001/queries.csv", list(COLUMNS))
    ids = [row["id"] for row in read_csv(folder / lines[0])]
    assert [line.split()[1] for line in lines[2:]] == ids

    write_labels(folder / "labels.csv", [*((name, truth(name)) for name in ids), ("0", "")])
    assert ddal("ingest", "labels.csv")[:2] == (
        0,
        "labels.csv: 4 new, 0 changed, 0 as before, 1 lines without a label.\n",
    )
    again = "labels.csv was taken in before, as ingest 1; nothing changed.\n"
    assert ddal("ingest", "labels.csv")[:2] == (0, again)
    assert "labeled      4 (a " in ddal("status")[1]
    assert ddal("replay", "001")[:2] == (0, "Round 1: the same 4 points in the same order.\n")
    assert ddal("export")[1].startswith("campaign/export.csv\n4 given, ")
    assert ddal("undo")[1].startswith("Took back ingest 1 (labels.csv, 20")
    assert ddal("undo") == (1, "", "ddal undo: no ingest is left to take back.\n")


def test_all_that_print_print_json(ddal, folder):
    ddal("init", "pool.npy", "-c", "c", "--classes", "a,b", "--json")
    asked = ddal("next", "-n", BATCH, "-c", "c", "--json")[1]
    write_labels(folder / "labels.csv", answers(asked["queries"]))
    ingested = ddal("ingest", "labels.csv", "-c", "c", "--json")[1]
    status = ddal("status", "-c", "c", "--json")[1]
    replayed = ddal("replay", "1", "-c", "c", "--json")[1]
    exported = ddal("export", "-c", "c", "--format", "labelstudio", "-o", "t.json", "--json")[1]
    undone = ddal("undo", "-c", "c", "--json")[1]

    assert (asked["round"], asked["path"], len(asked["queries"])) == (1, "c/rounds/001/queries.csv", BATCH)
    assert list(asked["queries"][0]) == list(COLUMNS)
    assert (ingested["new"], ingested["ingest"]) == (BATCH, 1)
    counts = {name: status[name] for name in ("pool", "labeled", "ignored", "classes", "rounds")}
    assert counts == {"pool": NUM_POINTS, "labeled": BATCH, "ignored": 0, "classes": ["a", "b"], "rounds": 1}
    assert 0 <= status["unexplored_share"] < 1
    assert (replayed["same"], replayed["asked"]) == (True, [query["id"] for query in asked["queries"]])
    assert (exported["path"], exported["rows"]) == ("t.json", BATCH)
    assert (undone["ingest"], undone["votes"]) == (1, BATCH)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["init", "none.npy", "-c", "new"], "POOL must be a file; got 'none.npy'"),
        (["init", "pool.npy"], "-c must name a folder that is new or empty; 'campaign' holds something already"),
        (["init", "pool.npy", "-c", "new", "--seed", "-1"], "seed must be in [0, 4294967295]; got -1"),
        (["init", "pool.npy", "-c", "new", "--classes", "a,,b"], "classes must be names that differ"),
        (["init", "pool.npy", "-c", "new", "--labels", "bad.csv"], "bad.csv, line 2: id '99' is not in the pool"),
        (
            ["init", "pool.npy", "-c", "new", "--ids", "name"],
            "--ids must be a column or a file; pool.npy has no columns",
        ),
        (["next", "-n", "0"], "n must be at least 1; got 0"),
        (["next", "-n", "1", "--num-neighbors", "40"], "num_neighbors must be in [1, 39] for 40 points; got 40"),
        (["next", "-n", "1", "--metric", "angle"], "metric must be one of 'euclidean', 'cosine'; got 'angle'"),
        (["next", "-n", "1", "--criterion", "mass"], "criterion must be one of"),
        (["next", "-n", "1", "-c", "nowhere"], "-c must name a campaign's folder, as `ddal init` makes it; 'nowhere'"),
        (["ingest", "none.csv"], "LABELS must be a file; got 'none.csv'"),
        (["ingest", "bad.csv"], "bad.csv, line 2: id '99' is not in the pool"),
        (["ingest", "bad.csv", "--map", "label"], "--map must be like id=NAME,label=NAME; got 'label'"),
        (["ingest", "bad.csv", "--map", "label=klass"], "bad.csv, line 1: has no column 'klass'"),
        (["replay", "001"], "NNN must be the number of a round (none yet); got 1"),
        (["replay", "../../001"], "NNN must be the number of a round, such as 001; got '../../001'"),
        (["export", "--format", "xlsx"], "format must be one of 'csv', 'labelstudio'; got 'xlsx'"),
        (["map", "--color", "mood"], "color must be one of 'predicted', 'reach', 'score'; got 'mood'"),
        (["map", "--layout", "globe"], "layout must be one of 'pca', 'diffusion'; got 'globe'"),
        (["status", "-c", "pool.npy"], "-c must name a campaign's folder"),
    ],
)
def test_bad_input_is_refused_with_exit_code_2_and_changes_nothing(ddal, folder, words, told):
    ddal("init", "pool.npy")
    write_labels(folder / "bad.csv", [("99", "a")])
    record = folder / "campaign" / "campaign.sqlite"
    before = record.read_bytes(), sorted(folder.rglob("*"))

    code, printed, complaint = ddal(*words)

    assert (code, printed) == (2, "")
    assert told in complaint
    assert (record.read_bytes(), sorted(folder.rglob("*"))) == before


@pytest.mark.slow
@pytest.mark.parametrize("num_rounds", [0, 1])
def test_the_map_is_one_page(ddal, folder, num_rounds):
    ddal("init", "pool.npy", "--classes", "a,b")
    for _ in range(num_rounds):
        ddal("next", "-n", BATCH)

    code, printed, _ = ddal("map", "--json")

    assert (code, printed) == (0, {"path": "campaign/map.html"})
    assert (folder / "campaign" / "map.html").read_text().lower().startswith("<!doctype html>")


def test_what_is_left_to_ask_is_told(ddal, folder):
    ddal("init", "pool.npy", "--classes", "a,b")
    write_labels(folder / "labels.csv", [(row, "a") for row in range(NUM_POINTS - BATCH)])
    ddal("ingest", "labels.csv")

    assert ddal("next", "-n", 50)[1].endswith("Only 4 points were left to ask.\n")
    code, _, complaint = ddal("next", "-n", 50)
    assert code == 1
    assert "nothing is left to ask: of 40 points 36 are labelled, 0 ignored, and for 4 labels are waited" in complaint


def test_a_round_that_is_not_the_same_any_more_ends_with_1(ddal, folder):
    ddal("init", "pool.npy", "--classes", "a,b")
    ddal("next", "-n", BATCH)
    (folder / "campaign" / "rounds" / "001" / "queries.csv").write_text("rank,id\n")

    code, printed, _ = ddal("replay", "1")

    assert code == 1
    assert "queries.csv was changed or removed since" in printed


def test_options_reach_the_round(ddal, monkeypatch):
    given = []
    monkeypatch.setattr("ddal_jax.campaign.rounds.ask", lambda *parts: given.append(parts[2]) or ASKED)
    ddal("init", "pool.npy")
    words = "--metric cosine --num-neighbors 7 --num-steps 3 --symmetrize mean --criterion margin --diversity coverage "
    words += "--ties coverage --num-rediffusions 2 --num-refine-steps 20 --soft-labels"

    ddal("next", "-n", BATCH, *words.split())

    settings = given[0]
    assert settings.graph == GraphSettings(metric="cosine", num_neighbors=7, num_steps=3, symmetrize="mean")
    assert settings.query == QuerySettings(
        criterion="margin", diversity="coverage", ties="coverage", num_rediffusions=2, num_refine_steps=20
    )
    assert (settings.query_size, settings.soft_labels) == (BATCH, True)


def test_a_full_disk_ends_with_1_and_says_that_nothing_was_lost(ddal, monkeypatch):
    ddal("init", "pool.npy", "--classes", "a,b")

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ddal_jax.campaign.folders.write_round", full)
    code, _, complaint = ddal("next", "-n", BATCH)

    assert code == 1
    assert "the disk is full" in complaint
    assert "Nothing was lost or half written" in complaint


def test_ingest_undo_and_help_do_not_import_jax(folder):
    write_labels(folder / "labels.csv", [("1", "a")])
    script = """
import sys
from ddal_jax import cli
words = [["ingest", "labels.csv"], ["undo"], ["next", "--help"]]
for each in words:
    try:
        print(cli.main([*each, "-c", "campaign"] if "--help" not in each else each))
    except SystemExit as stop:
        print(stop.code)
print([name for name in ("jax", "pandas", "scipy", "sklearn", "rich") if name in sys.modules])
"""
    cli.main(["init", "pool.npy"])

    printed = run_python(f"import os; os.chdir({str(folder)!r})\n" + script)

    assert printed.endswith("0\n[]\n")


def _run(folder, *words):
    """Runs a command in a process of its own; returns what it printed, seconds and the peak of its memory in MiB."""
    script = (
        "import pathlib, runpy, sys, time; start = time.perf_counter()\n"
        "try: runpy.run_module('ddal_jax', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as stop: code = stop.code\n"
        "lines = pathlib.Path('/proc/self/status').read_text().splitlines()\n"
        "peak = next(int(line.split()[1]) // 1024 for line in lines if line.startswith('VmHWM'))\n"
        "sys.stderr.write(f'{time.perf_counter() - start:.1f} {peak}'); sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seconds, peak = done.stderr.split()[-2:]
    return done.stdout, float(seconds), int(peak)


@pytest.mark.slow
@pytest.mark.parametrize(("num_points", "num_columns"), [(2_000, 16), (200_000, 128)])
def test_a_person_goes_the_whole_way_from_an_empty_folder(tmp_path, num_points, num_columns):
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 5, num_points)
    centers = rng.normal(size=(5, num_columns))
    features = rng.normal(size=(num_points, num_columns), scale=0.5).astype(np.float32)
    np.save(tmp_path / "pool.npy", features + centers[classes].astype(np.float32))
    del features
    names = [f"image-{row:06d}" for row in range(num_points)]
    (tmp_path / "names.txt").write_text("\n".join(names))
    label = dict(zip(names, (f"class {code}" for code in classes), strict=True))

    def ddal(*words):
        printed, seconds, peak = _run(tmp_path, *words)
        logging.info("%s: %.1f s, %d MiB", " ".join(map(str, words)), seconds, peak)
        # Ten times the features of the larger pool, and what JAX takes by itself.
        assert peak < 1500
        return printed

    ddal("init", "pool.npy", "--ids", "names.txt")
    for turn in range(3):
        path = tmp_path / ddal("next", "-n", 40).splitlines()[0]
        asked = [row["id"] for row in read_csv(path)]
        assert path.parent.name == f"{turn + 1:03d}"
        write_labels(tmp_path / f"{turn}.csv", [(name, label[name]) for name in asked])
        ddal("ingest", f"{turn}.csv")
    status = json.loads(ddal("status", "--json"))
    ddal("export", "-o", "all.csv")
    replayed = json.loads(ddal("replay", "002", "--json"))
    ddal("undo")

    assert (status["pool"], status["labeled"], status["rounds"]) == (num_points, 120, 3)
    assert replayed["same"]
    reached = [row for row in read_csv(tmp_path / "all.csv") if row["source"] == "propagated"]
    assert len(reached) > num_points / 2
    # Five classes this far apart leave little to confuse.
    assert np.mean([row["predicted"] == label[row["id"]] for row in reached]) > 0.9
    assert json.loads(ddal("status", "--json"))["labeled"] == 80
