"""The command answers at once, does what it says, and tells bad input from a failed run by its exit code."""

from pathlib import Path

import pytest
from processes import run_python

from ddal_jax import cli

pytestmark = pytest.mark.usefixtures("leave_jax_as_it_is")


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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "fig6"], "NAME must be one of 'fig1', 'fig2'"),
        (["run", "digits", "--data", "imagenet"], "data must be one of 'digits', 'checkerboard'"),
        (["run", "digits", "--data", "none.npz"], "none.npz"),
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
    assert written == {"results.jsonl", "curves.png", "switch.png", "checkerboard.png", "notes.txt"}
    assert "unexplored" in capsys.readouterr().out
