"""`ddal bench` runs the harness of a checkout, from wherever the command is called, and says where there is none."""

from pathlib import Path

import pytest
from processes import run_python

import ddal_jax
from ddal_jax import cli
from ddal_jax.cli import bench

CHECKOUT = Path(ddal_jax.__file__).parents[1]


@pytest.fixture
def package_without_checkout(tmp_path, monkeypatch):
    """Lets the package look as if it lay alone in a folder of installed ones."""
    elsewhere = tmp_path / "installed" / "ddal_jax" / "__init__.py"
    monkeypatch.setattr(bench.ddal_jax, "__file__", str(elsewhere))


def test_without_a_harness_the_command_ends_with_2_and_says_so(package_without_checkout, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit) as stop:
        cli.main(["bench", "knn"])

    assert stop.value.code == 2
    assert "the harness belongs to a checkout" in capsys.readouterr().err


def test_a_strangers_package_of_the_same_name_is_not_the_harness(
    package_without_checkout, tmp_path, monkeypatch, capsys
):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "cli.py").write_text("raise SystemExit('ran a stranger')")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit) as stop:
        cli.main(["bench", "knn"])

    assert stop.value.code == 2


def test_the_harness_in_the_current_folder_is_found(package_without_checkout, monkeypatch, capsys):
    monkeypatch.chdir(CHECKOUT)

    assert cli.main(["bench", "knm"]) == 2
    assert "no kernel is named 'knm'; known are knn, knn_tight" in capsys.readouterr().err


def test_bad_input_ends_with_2_before_anything_runs(capsys):
    assert cli.main(["bench", "compare", "one.jsonl"]) == 2
    assert "ddal bench: compare takes two files" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_measures_on_as_many_devices_as_asked_for_and_compares_with_a_baseline(tmp_path):
    output = tmp_path / "records.jsonl"
    words = ["bench", "selection", "--quick", "--points", "200", "--batch", "10", "--host-devices", "2"]
    script = "import sys; from ddal_jax import cli; print('exit', cli.main(sys.argv[1:]))"

    first = run_python(script, *words, "-o", str(output))
    second = run_python(script, *words, "--baseline", str(output))

    assert "exit 0\n" in first
    assert '"device_count": 2' in output.read_text()
    # One repetition of microseconds: whether it became slower is chance.
    assert "1 cases compared" in second
