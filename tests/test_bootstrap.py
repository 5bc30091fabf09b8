"""The set-up script can be read by any Python and refuses what it does not know."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
import bootstrap  # noqa: E402

CONSTRAINTS = (ROOT / "constraints.txt").read_text().splitlines()[1:]


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


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    """A checkout of nothing but requirements, and a record of the commands that would be run in it."""
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", str(tmp_path / ".venv"))
    monkeypatch.setattr(bootstrap, "MARKER", str(tmp_path / ".venv" / "made-by-bootstrap"))
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("a")
    return tmp_path


@pytest.fixture
def commands(monkeypatch):
    """Commands in the order run; all succeed, save those whose exit codes are put in `codes` first."""
    made = []
    made_codes = []

    def call(command):
        made.append(command)
        return made_codes.pop(0) if made_codes else 0

    monkeypatch.setattr(bootstrap, "run", call)
    call.made, call.codes = made, made_codes
    return call


def test_an_old_python_looks_for_a_newer_one(monkeypatch, commands):
    monkeypatch.setattr(bootstrap, "NEWER_PYTHONS", [["no-such-python"], [sys.executable]])

    assert bootstrap.restart_with_newer_python(["test"]) == 0

    assert commands.made[0][0] == sys.executable
    assert commands.made[0][-1] == "test"


def test_without_a_newer_python_it_says_what_is_needed(monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "NEWER_PYTHONS", [["no-such-python"]])

    assert bootstrap.restart_with_newer_python(["test"]) == 1

    assert "needs Python 3.11 or newer" in capsys.readouterr().err


def test_without_venv_it_names_the_one_package_to_install(monkeypatch, capsys, checkout):
    monkeypatch.setitem(sys.modules, "ensurepip", None)

    assert bootstrap.make_environment() is None

    major, minor = sys.version_info[:2]
    assert f"install the package python{major}.{minor}-venv" in capsys.readouterr().err


def test_an_environment_of_someone_else_is_left_alone(checkout, commands, capsys):
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "theirs").write_text("precious")

    assert bootstrap.make_environment() is None

    assert (checkout / ".venv" / "theirs").read_text() == "precious"
    assert not commands.made
    assert "left alone" in capsys.readouterr().err


def test_an_interrupted_setup_is_made_anew(checkout, commands):
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "made-by-bootstrap").write_text("")  # and no Python in it

    assert bootstrap.make_environment() is not None

    assert commands.made[0][1:3] == ["-m", "venv"]


def test_what_is_installed_is_not_installed_again_until_something_changes(checkout, commands, monkeypatch):
    (checkout / ".venv").mkdir()

    for _ in range(2):
        bootstrap.install("python", ["test"], False)
    (checkout / "constraints.txt").write_text("b")
    for _ in range(2):
        bootstrap.install("python", ["test"], False)
    monkeypatch.setattr(bootstrap.sys, "version", "another Python")
    bootstrap.install("python", ["test"], False)

    assert len(commands.made) == 3
    assert "constraints.txt" in commands.made[0]


def test_a_failed_installation_leaves_nothing_counted_as_installed(checkout, commands):
    (checkout / ".venv").mkdir()
    bootstrap.install("python", ["figures"], False)
    commands.codes[:] = [1]

    assert bootstrap.install("python", ["test"], False) == 1
    assert bootstrap.install("python", ["figures"], False) == 0
    assert bootstrap.install("python", ["test"], False) == 0

    assert len(commands.made) == 4  # the failure spoilt the first installation too


def test_here_uses_this_python_and_pins_nothing(checkout, commands):
    assert bootstrap.main(["demo", "--here", "--seeds", "2"]) == 0

    install, demo = commands.made
    assert install[0] == demo[0] == sys.executable
    assert "constraints.txt" not in install
    assert demo[1:] == ["-m", "ddal_jax", "demo", "--seeds", "2"]
    assert not (checkout / ".venv").exists()


def test_a_missing_program_is_told_without_a_traceback(capsys):
    assert bootstrap.run(["no-such-program"]) == 1

    assert "Remove the folder .venv" in capsys.readouterr().err


def test_everything_the_tests_need_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = {re.split(r"[\[<>=]", word)[0] for word in project["dependencies"] + extras["test"] + extras["lint"]}
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in CONSTRAINTS}

    assert needed <= pinned


@pytest.mark.parametrize("line", CONSTRAINTS)
def test_every_constraint_is_one_exact_version(line):
    requirement = line.split(";")[0].strip()

    assert requirement.count("==") == 1
    assert "*" not in requirement
    assert "/" not in requirement
