"""`ddal run` does what its words say, goes on where it was stopped, and calls results what they are."""

import dataclasses
import subprocess
import sys
import time

import pytest

from ddal_jax import cli
from ddal_jax.cli import run as run_command
from ddal_jax.experiments import journal, results
from ddal_jax.experiments.presets import EXPERIMENTS
from ddal_jax.experiments.snapshots import read_snapshots
from ddal_jax.figures import judgement
from ddal_jax.query import QuerySettings

pytestmark = pytest.mark.usefixtures("leave_jax_as_it_is")
WORDS = ["run", "fig3", "--quick", "--strategies", "random,margin"]


def test_run_help_lists_what_may_be_chosen(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "--help"])

    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert all(name in printed and experiment.summary in printed for name, experiment in EXPERIMENTS.items())
    assert "poisson-laplace" in printed
    assert "openml155" in printed
    assert "min_abs" in printed
    assert "self_tuning" in printed
    assert "none, coverage, redistribute, local_minima" in " ".join(printed.split())


def _records(folder):
    return results.read(folder / journal.RESULTS).records


@pytest.mark.slow
def test_a_quick_run_writes_results_and_leaves_a_complete_run_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(judgement, "draw", lambda *args: [])  # drawn in a test of its own
    words = [*WORDS, "-o", str(tmp_path / "out")]

    assert cli.main(words) == 0
    first = _records(tmp_path / "out")
    printed = capsys.readouterr().out
    assert cli.main(words) == 0

    assert "the last batch asks 2 labels, not 10, to meet the budget" in printed
    assert "margin" in printed
    assert "nothing is left to run" in capsys.readouterr().out
    assert _records(tmp_path / "out") == first
    labels = [record.num_labeled for record in first if record.seed == 0 and record.strategy == "random"]
    assert labels == [8, 18, 28, 38, 48, 58, 60]
    header = results.read(tmp_path / "out" / journal.RESULTS).runs[0]
    assert header.config["strategies"] == ["random", "margin"]
    assert {"board.png", "report.md", journal.RESULTS} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert not (tmp_path / "out" / journal.STATE).exists()


@pytest.mark.slow
def test_a_killed_run_goes_on_and_other_settings_are_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(judgement, "draw", lambda *args: [])
    words = [*WORDS, "-o", str(tmp_path / "out")]
    add, added = journal.add, []

    def die_at_the_tenth(*args):
        added.append(1)
        if len(added) == 10:
            raise KeyboardInterrupt
        add(*args)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "add", die_at_the_tenth)
        assert cli.main(words) == 1
    assert len(_records(tmp_path / "out")) == 9 * 2

    assert cli.main([*words, "--budget", "50"]) == 2
    assert "holds results of other settings (checkerboard, quick: budget" in capsys.readouterr().err
    assert cli.main(words) == 0

    assert "Going on in" in capsys.readouterr().out
    cycles = [(record.strategy, record.seed, record.cycle) for record in _records(tmp_path / "out")]
    assert cycles == [(name, seed, cycle) for name in ("random", "margin") for cycle in range(7) for seed in (0, 1)]


@pytest.mark.slow
def test_a_single_strategy_is_shown_as_a_table(tmp_path, capsys):
    words = ["run", "fig1", "--quick", "--budget", "20", "-o", str(tmp_path / "out")]

    assert cli.main(words) == 0

    assert "held-out accuracy" in capsys.readouterr().out
    assert (tmp_path / "out" / "stages.png").exists()
    snapshots = read_snapshots(tmp_path / "out", "diffusion")
    assert len(snapshots) == 4
    for snapshot in snapshots[:-1]:
        unreached = ~snapshot.reached & ~snapshot.labeled
        assert not snapshot.labeled[snapshot.queried].any()
        explores = unreached[snapshot.queried].tolist()
        assert explores == sorted(explores, reverse=True)  # they go first
        assert explores[0] == unreached.any()


def test_words_of_the_command_change_the_settings_they_name():
    words = "run digits --seeds 3 --budget 60 --query-size 10 --num-sub-batches 2 --from-scratch --num-neighbors 7"
    words += " --num-steps 3 --symmetrize none --criterion margin --strategies diffusion,random"

    words += " --epochs 7 --data checkerboard --num-points 500 --num-test 90 --balanced"
    words += " --diversity coverage --ties coverage --num-rediffusions 4 --num-refine-steps 20"

    (config,) = run_command.configure(cli.parse(words.split()))

    assert (config.num_seeds, config.budget, config.query_size, config.num_sub_batches) == (3, 60, 10, 2)
    assert (config.graph.num_neighbors, config.graph.num_steps, config.graph.symmetrize) == (7, 3, "none")
    assert config.query == QuerySettings(
        criterion="margin", diversity="coverage", ties="coverage", num_rediffusions=4, num_refine_steps=20
    )
    assert config.strategies == ("diffusion", "random")
    assert not config.warm_start
    assert config.task == "digits, on checkerboard, balanced pool, from scratch"  # what reports and figures show
    assert config.training.num_epochs == 7
    data = config.data
    assert (data.name, data.num_points, data.num_test, data.balanced) == ("checkerboard", 500, 90, True)


def _configs(words):
    return run_command.configure(cli.parse(words.split()))


def test_a_grid_keeps_the_places_that_differ_and_names_them_by_their_settings():
    grid = _configs("run fig5-poker")

    assert len({config.task for config in grid}) == len(grid) == 9
    for config in grid:
        assert config.task == f"poker, B={config.query_size}, {config.training.num_epochs} epochs"
    assert [config.task for config in _configs("run fig5 --query-size 50")] == [
        f"OpenML-155, B=50, {epochs} epochs" for epochs in (25, 50, 100)
    ]
    assert [config.task for config in _configs("run fig5 --quick --data poker")] == [
        "OpenML-155, B=10, 5 epochs, on poker, quick"
    ]


def test_other_data_come_in_their_own_size_and_form():
    (config,) = _configs("run fig4-cifar10 --data digits --num-start 30")

    assert dataclasses.asdict(config.data) == {
        "name": "digits", "num_points": None, "num_test": None, "balanced": False, "embedding": "none",
    }  # fmt: skip
    assert config.num_start == 30
    (oracle,) = _configs("run digits --start-per-class 3")
    assert (oracle.start_per_class, oracle.num_start) == (3, 0)
    (uniform,) = _configs("run digits --num-start 25")
    assert (uniform.start_per_class, uniform.num_start) == (0, 25)


def test_random_weights_bear_a_loud_label():
    (config,) = _configs("run fig4-cifar10 --embedding vgg16-random")

    assert config.task == "CIFAR-10, RANDOM VGG-16 WEIGHTS"


def _without_times(folder):
    return [dataclasses.replace(own, training_seconds=0.0, acquisition_seconds=0.0) for own in _records(folder)]


@pytest.mark.slow
def test_a_grid_of_tasks_is_run_judged_and_drawn(tmp_path, capsys):
    words = ["run", "fig5-poker", "--seeds", "2", "--epochs", "2", "--num-points", "300", "--num-test", "100"]
    words += ["--budget", "200", "--strategies", "random,diffusion", "-o", str(tmp_path / "out")]

    assert cli.main(words) == 0

    assert "poker, B=25, 2 epochs" in capsys.readouterr().out
    assert (tmp_path / "out" / "robustness.png").exists()
    assert not (tmp_path / "out" / "critical_difference.png").exists()  # settings of one data set are no tasks
    assert len({record.task for record in _records(tmp_path / "out")}) == 3


@pytest.mark.slow
def test_a_picture_that_the_data_do_not_allow_is_left_out_and_said(tmp_path, capsys):
    words = ["run", "fig3", "--quick", "--strategies", "random,margin", "-o", str(tmp_path / "out")]

    assert cli.main([*words, "--data", "two-moons"]) == 0

    assert "No picture 'board'" in capsys.readouterr().out
    assert not (tmp_path / "out" / "board.png").exists()


@pytest.mark.slow
def test_a_process_killed_again_and_again_ends_with_the_records_of_one_that_was_not(tmp_path):
    def start(folder):
        words = ["run", "fig3", "--quick", "--strategies", "random,diffusion", "-o", str(tmp_path / folder)]
        return subprocess.Popen([sys.executable, "-m", "ddal_jax", *words], stdout=subprocess.DEVNULL)

    assert start("whole").wait() == 0
    path, killed = tmp_path / "killed" / journal.RESULTS, 0
    process = start("killed")
    lines = 3
    while process.poll() is None:
        if path.exists() and len(path.read_bytes().splitlines()) > lines:
            process.kill()
            process.wait()
            killed, lines, process = killed + 1, lines + 9, start("killed")
        time.sleep(0.01)

    assert process.returncode == 0
    assert killed >= 2
    assert _without_times(tmp_path / "killed") == _without_times(tmp_path / "whole")
