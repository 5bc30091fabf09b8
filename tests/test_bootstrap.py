"""The set-up script can be read by any Python and refuses what it does not know."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
import bootstrap  # noqa: E402


def test_the_script_uses_no_syntax_newer_than_python_3_4():
    source = (ROOT / "bootstrap.py").read_text(encoding="utf-8")

    tree = ast.parse(source, feature_version=(3, 4))

    assert not [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.AnnAssign)]


def test_an_unknown_task_is_refused_with_the_known_ones():
    done = subprocess.run([sys.executable, ROOT / "bootstrap.py", "fly"], capture_output=True, text=True)

    assert done.returncode == 2
    assert all(task in done.stderr for task in bootstrap.TASKS)


def test_every_target_of_the_makefile_is_a_task():
    targets = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY"))

    assert set(targets.split()[1:]) - {"clean"} == set(bootstrap.TASKS)


def test_an_old_python_looks_for_a_newer_one(monkeypatch):
    asked = []
    monkeypatch.setattr(bootstrap, "NEWER_NAMES", ["no-such-python", sys.executable])
    monkeypatch.setattr(bootstrap.subprocess, "call", lambda command: asked.append(command) or 0)

    assert bootstrap.restart_with_newer_python(["test"]) == 0

    assert asked[0][0] == sys.executable
    assert asked[0][-1] == "test"


def test_without_a_newer_python_it_says_what_is_needed(monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "NEWER_NAMES", ["no-such-python"])

    assert bootstrap.restart_with_newer_python(["test"]) == 1

    assert "needs Python 3.11 or newer" in capsys.readouterr().err


def test_without_venv_it_names_the_one_package_to_install(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setitem(sys.modules, "ensurepip", None)

    assert bootstrap.make_environment() is None

    major, minor = sys.version_info[:2]
    assert f"install the package python{major}.{minor}-venv" in capsys.readouterr().err


def test_changed_requirements_are_installed_anew(monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    (tmp_path / ".venv").mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("a")
    commands = []
    monkeypatch.setattr(bootstrap.subprocess, "call", lambda command: commands.append(command) or 0)

    bootstrap.install("bin", ["test"], False)
    bootstrap.install("bin", ["test"], False)
    (tmp_path / "constraints.txt").write_text("b")
    bootstrap.install("bin", ["test"], False)

    assert len(commands) == 2
    assert str(tmp_path / "constraints.txt") in commands[0]


def test_a_failed_installation_is_tried_again(monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    (tmp_path / ".venv").mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("a")
    codes = iter([1, 0])
    monkeypatch.setattr(bootstrap.subprocess, "call", lambda command: next(codes))

    assert bootstrap.install("bin", ["test"], False) == 1
    assert bootstrap.install("bin", ["test"], False) == 0


@pytest.mark.parametrize("line", (ROOT / "constraints.txt").read_text().splitlines()[1:])
def test_every_constraint_is_one_exact_version(line):
    requirement = line.split(";")[0].strip()

    assert requirement.count("==") == 1
    assert "*" not in requirement
    assert "/" not in requirement
