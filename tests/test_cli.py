"""The command answers at once, does what it says, and tells bad input from a failed run by its exit code."""

import json
from pathlib import Path

import pytest
from processes import run_python

from ddal_jax import cli
from ddal_jax.cli import run as run_command
from ddal_jax.experiments import results
from ddal_jax.experiments.presets import DIGITS


@pytest.fixture(autouse=True)
def leave_jax_as_it_is(monkeypatch):
    """A command prepares JAX for its own process; here JAX is already at work."""
    monkeypatch.setattr("ddal_jax.cli.run.prepare_jax", lambda: None)
    monkeypatch.setattr("ddal_jax.cli.demo.prepare_jax", lambda: None)
    monkeypatch.setattr("ddal_jax.cli.doctor.prepare_jax", lambda: None)


def test_help_needs_neither_jax_nor_numpy():
    script = """
import sys
from ddal_jax import cli
try:
    cli.main(["--help"])
except SystemExit as stop:
    print("exit", stop.code)
print([name for name in ("jax", "numpy", "flax", "rich") if name in sys.modules])
"""

    printed = run_python(script)

    assert all(command in printed for command in cli.COMMANDS)
    assert printed.endswith("exit 0\n[]\n")


def test_run_help_lists_what_may_be_chosen(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["run", "--help"])

    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert "digits, checkerboard" in printed
    assert "min_abs" in printed
    assert "self_tuning" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "mnist"], "NAME must be one of 'digits', 'checkerboard'; got 'mnist'"),
        (["run", "digits", "--strategies", "oracle"], "strategies must be one of"),
        (["run", "digits", "--criterion", "entropy"], "criterion must be one of 'min_abs'"),
        (["run", "digits", "--seeds", "0"], "num_seeds must be at least 1; got 0"),
        (["run", "digits", "--budget", "19"], "budget must be in"),
        (["run", "digits", "--num-neighbors", "1297"], "num_neighbors must be in"),
    ],
)
def test_bad_input_is_refused_with_exit_code_2_and_leaves_nothing(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    code = cli.main([*words, "-o", "out"])

    assert code == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.jsonl"))


def test_an_unknown_command_is_refused_with_exit_code_2(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["guess"])

    assert stop.value.code == 2
    assert "guess" in capsys.readouterr().err


def test_a_quick_run_writes_results_and_refuses_to_overwrite_them(tmp_path, capsys):
    words = ["run", "checkerboard", "--quick", "--strategies", "random", "-o", str(tmp_path / "out")]

    first, second = cli.main(words), cli.main(words)

    assert (first, second) == (0, 2)
    captured = capsys.readouterr()
    assert "held-out accuracy" in captured.out
    assert "the last batch asks 2 labels, not 10, to meet the budget" in captured.out
    assert "already holds results" in captured.err
    records = results.read(tmp_path / "out" / "results.jsonl")
    assert [record.num_labeled for record in records if record.seed == 0] == [8, 18, 28, 38, 40]
    assert json.loads((tmp_path / "out" / "config.json").read_text())["runs"][0]["strategies"] == ["random"]


def test_words_of_the_command_change_the_settings_they_name():
    words = "run digits --seeds 3 --budget 60 --query-size 10 --num-sub-batches 2 --from-scratch --num-neighbors 7"
    words += " --num-steps 3 --symmetrize none --criterion margin --strategies diffusion,random"

    config = run_command.configure(cli.parse(words.split()))

    assert (config.num_seeds, config.budget, config.query_size, config.num_sub_batches) == (3, 60, 10, 2)
    assert (config.graph.num_neighbors, config.graph.num_steps, config.graph.symmetrize) == (7, 3, "none")
    assert config.query.criterion == "margin"
    assert config.strategies == ("diffusion", "random")
    assert not config.warm_start
    assert config.training == DIGITS.training


def test_doctor_tells_versions_devices_and_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert cli.main(["doctor"]) == 0

    printed = capsys.readouterr().out
    assert "jaxlib" in printed
    assert "devices" in printed
    assert 'pip install "ddal-jax[figures]"' in printed


def test_a_failed_run_has_exit_code_1(monkeypatch, capsys):
    def fail(arguments):
        raise OSError("no space left on device")

    monkeypatch.setattr("ddal_jax.cli.doctor.main", fail)

    assert cli.main(["doctor"]) == 1
    assert "no space left" in capsys.readouterr().err


def test_a_demo_does_not_replace_what_is_no_demo(tmp_path, capsys):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "config.json").write_text('{"runs": []}')
    (folder / "results.jsonl").write_text("precious")

    assert cli.main(["demo", "--quick", "-o", str(folder)]) == 2

    assert (folder / "results.jsonl").read_text() == "precious"
    assert "must not hold other results" in capsys.readouterr().err


@pytest.mark.slow
def test_a_quick_demo_writes_all_it_names(tmp_path, capsys):
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")

    for _ in range(2):  # the second replaces the first
        assert cli.main(["demo", "--quick", "-o", str(folder)]) == 0

    written = {path.name for path in Path(folder).iterdir()}
    assert written == {"results.jsonl", "config.json", "curves.png", "switch.png", "checkerboard.png", "notes.txt"}
    assert "unexplored" in capsys.readouterr().out
