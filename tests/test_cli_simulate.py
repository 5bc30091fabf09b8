"""`ddal simulate` tells whether it would have helped, in words, in JSON and in files."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_records import noisy, records_of
from test_campaign_simulation import clouds

from ddal_jax import cli, evaluate
from ddal_jax.campaign import Campaign
from ddal_jax.campaign.trials import WantedSizes
from ddal_jax.cli import simulate as command

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A pool and its labels on disk; the command finds them in the current folder."""
    features, labels = clouds()
    np.save(tmp_path / "pool.npy", features)
    (tmp_path / "labels.csv").write_text(
        "id,label\n" + "".join(f"{row},c{label}\n" for row, label in enumerate(labels))
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ddal_jax.cli.simulate.prepare", lambda: None)
    return tmp_path


SIZES = ["--seeds", "2", "-n", "5", "--budget", "15", "--num-neighbors", "4"]
COMMAND = ["simulate", "pool.npy", "--labels", "labels.csv", *SIZES]


def test_the_command_prints_gains_over_random_and_keeps_results_for_the_evaluation(files, capsys):
    assert cli.main([*COMMAND, "-o", "kept"]) == 0
    printed = capsys.readouterr().out
    assert cli.main(["evaluate", "kept", "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)["tasks"][0]
    assert cli.main(["evaluate", "kept/graph", "--json"]) == 0
    read_out = json.loads(capsys.readouterr().out)["tasks"][0]

    assert judged["task"] == "pool, judged by logistic regression"
    assert read_out["task"] == "pool, judged by the graph's own answer on the whole pool, nothing held out"
    for task in (judged, read_out):
        for own in task["standings"]:
            gain = [] if own["strategy"] == "random" else [f"{100 * own['difference']:+.2f}", f"{own['p_value']:.3f}"]
            line = [own["strategy"], f"{100 * own['area']:.2f}", *gain]
            assert any(set(line) <= set(printed_line.split()) for printed_line in printed.splitlines()), line
    assert printed.count("Nothing beats random labelling here.") == 2
    assert "2 seeds can tell no difference from chance; it takes at least 8." in printed


@pytest.mark.slow
def test_the_command_runs_in_a_process_of_its_own(files):
    run = [sys.executable, "-m", "ddal_jax", *COMMAND, "--json"]
    environment = os.environ | {"XDG_CACHE_HOME": str(files / "cache"), "PYTHONPATH": str(REPOSITORY)}

    done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["judged"]["tasks"][0]["num_seeds"] == 2


def test_the_command_answers_in_json_and_leaves_out_what_has_no_label(files, capsys):
    lines = (files / "labels.csv").read_text().splitlines()
    (files / "labels.csv").write_text("\n".join(lines[:-4]))

    assert cli.main([*COMMAND, "--num-test", "11", "--strategies", "coreset", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["left_out"], told["classes"]) == (60, 4, ["c0", "c1", "c2"])
    assert (told["num_points"], told["num_test"], told["budget"]) == (45, 11, 15)
    assert {own["strategy"] for own in told["judged"]["tasks"][0]["standings"]} == {"random", "coreset"}
    assert told["better_than_random"] == {"judged": [], "read_out": []}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "1"], r"--seeds must be at least 2 \(one says nothing of chance\); got 1"),
        (["--strategies", "luck"], "strategies must be one of .*; got 'luck'"),
        (["--budget", "100"], r"budget must be in \[6, 45\]"),
        (["--criterion", "luck"], "criterion must be one of .*; got 'luck'"),
        (["--labels", "nothing.csv"], "--labels must be a file; got 'nothing.csv'"),
        (["--labels", "some.csv"], "labels must be of at least two classes"),
        (["-o", "full"], r"full.results.jsonl already holds results"),
    ],
)
def test_the_command_refuses_bad_input_and_changes_nothing(files, capsys, words, message):
    (files / "some.csv").write_text("id,label\n" + "".join(f"{row},a\n" for row in range(60)))
    (files / "full").mkdir()
    (files / "full" / "results.jsonl").write_text("mine")
    before = sorted(path.name for path in files.rglob("*"))

    assert cli.main([*COMMAND, *words]) == 2

    assert re.search(message, capsys.readouterr().err)
    assert sorted(path.name for path in files.rglob("*")) == before
    assert (files / "full" / "results.jsonl").read_text() == "mine"


def test_the_command_and_its_python_twin_take_the_same_words(files, monkeypatch):
    given = []

    def remember(features, labels, **settings):
        del features, labels, settings["on_seed"], settings["strategies"]
        given.append(settings)
        raise ValueError("enough")

    monkeypatch.setattr("ddal_jax.campaign.pool_simulation.simulate", remember)
    words = "--num-start 3 --num-points 40 --num-test 10 --metric cosine --num-steps 2 --symmetrize mean "
    words += "--criterion margin --diversity coverage --ties coverage --num-rediffusions 2 --num-refine-steps 9"
    options = {
        "metric": "cosine", "num_neighbors": 4, "num_steps": 2, "symmetrize": "mean", "criterion": "margin",
        "diversity": "coverage", "ties": "coverage", "num_rediffusions": 2, "num_refine_steps": 9,
    }  # fmt: skip
    sizes = {"num_seeds": 2, "query_size": 5, "budget": 15, "num_start": 3, "num_points": 40, "num_test": 10}

    assert cli.main([*COMMAND, *words.split()]) == 2
    with pytest.raises(ValueError, match="enough"):
        Campaign.simulate("pool.npy", "labels.csv", **sizes, options=options)

    assert given[0] == given[1]
    assert given[0]["wanted"] == WantedSizes(**sizes)
    graph_names = ("metric", "num_neighbors", "num_steps", "symmetrize")
    for name, value in options.items():
        assert getattr(given[0]["graph" if name in graph_names else "query"], name) == value


def test_an_option_that_there_is_not_is_refused_by_name(files):
    with pytest.raises(ValueError, match="options must be one of 'num_neighbors', .*; got 'neighbours'"):
        Campaign.simulate("pool.npy", "labels.csv", options={"neighbours": 3})


def test_a_gain_that_is_resolved_is_told():
    gains = records_of(noisy({"random": 0, "better": 0.1, "worse": -0.1}, num_seeds=10))
    comparison = evaluate.compare(gains)

    told = command._told(comparison)

    assert told.splitlines()[-1] == "Better than random: better. Worse than random: worse."
