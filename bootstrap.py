#!/usr/bin/env python3
"""Sets the project up in `.venv` and runs one task in it. Standard library only; any Python may start it.

    python3 bootstrap.py demo|test|test-slow|lint|bench [--here] [arguments of the task]

`--here` installs into the Python that runs this file instead, for notebooks and machines whose JAX must stay.
"""

import hashlib
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
ENVIRONMENT = os.path.join(ROOT, ".venv")
MARKER = os.path.join(ENVIRONMENT, "made-by-bootstrap")
NEWER_PYTHONS = [["python3.13"], ["python3.12"], ["python3.11"], ["python3.14"], ["python3"], ["python"], ["py", "-3"]]

# Extras each task needs, and its commands: arguments of the environment's Python.
TASKS = {
    "demo": (["figures"], [["-m", "ddal_jax", "demo"]]),
    "test": (["test"], [["-m", "pytest"]]),
    "test-slow": (["test"], [["-m", "pytest", "-m", "not network and not gpu"]]),
    "bench": (["bench"], [["-m", "benchmarks"]]),
    "lint": (
        ["lint", "test"],
        [
            ["-m", "ruff", "format", "--check", "."],
            ["-m", "ruff", "check", "."],
            ["-m", "pyright"],
            ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        ],
    ),
}


def main(words):
    """Returns the exit code of the task."""
    here = "--here" in words
    words = [word for word in words if word != "--here"]
    if not words or words[0] not in TASKS or (words[0] == "lint" and len(words) > 1):
        sys.stderr.write("usage: bootstrap.py %s [--here] [arguments of the task]\n" % "|".join(sorted(TASKS)))
        return 2
    if sys.version_info[:2] < (3, 11):
        return restart_with_newer_python(sys.argv[1:])
    extras, commands = TASKS[words[0]]
    python = sys.executable if here else make_environment()
    code = 1 if python is None else install(python, extras, here)
    for command in commands:
        code = code or run([python] + command + words[1:])
    return code


def run(command):
    """Runs a command from the root of the checkout and returns its exit code."""
    try:
        return subprocess.call(command, cwd=ROOT)
    except OSError as error:
        sys.stderr.write("%s\nRemove the folder .venv and try again.\n" % error)
        return 1


def restart_with_newer_python(words):
    """Runs this file again under a Python that is new enough."""
    for command in NEWER_PYTHONS:
        if is_new_enough(command):
            return run(command + [os.path.abspath(__file__)] + words)
    sys.stderr.write("ddal_jax needs Python 3.11 or newer; none was found on the PATH. Install one and try again.\n")
    return 1


def is_new_enough(command):
    """Tells whether a Python starts and is 3.11 or newer."""
    try:
        with open(os.devnull, "w") as nowhere:
            check = "import sys; sys.exit(sys.version_info[:2] < (3, 11))"
            return subprocess.call(command + ["-c", check], stderr=nowhere) == 0
    except OSError:
        return False


def make_environment():
    """Returns the Python of `.venv`, made if it is missing or broken; None if it cannot be made."""
    folder, name = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    python = os.path.join(ENVIRONMENT, folder, name)
    if os.path.exists(MARKER) and is_new_enough([python]):
        return python
    if os.path.exists(ENVIRONMENT) and not os.path.exists(MARKER):
        sys.stderr.write(
            "The folder .venv was not made by this script and is left alone. Move it away and try again.\n"
        )
        return None
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        package = "python%d.%d-venv" % sys.version_info[:2]
        sys.stderr.write("This Python cannot make virtual environments: install the package %s.\n" % package)
        return None
    sys.stdout.write("First run: setting up .venv, about a minute and 0.9 GB.\n")
    sys.stdout.flush()
    # The marker comes first, so that an interrupted set-up is made anew.
    if not os.path.isdir(ENVIRONMENT):
        os.mkdir(ENVIRONMENT)
    write(MARKER, "")
    return None if run([sys.executable, "-m", "venv", ENVIRONMENT]) else python


def install(python, extras, here):
    """Installs the project with its extras unless this very state of it is installed; returns an exit code."""
    stamp = os.path.join(ENVIRONMENT, "installed-" + "-".join(extras))
    state = state_of_project()
    if not here and read(stamp) == state:
        return 0
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not here:
        # Any installation replaces the project's own package: until it has ended well, nothing is installed.
        for name in os.listdir(ENVIRONMENT):
            if name.startswith("installed-"):
                os.remove(os.path.join(ENVIRONMENT, name))
        command += ["--constraint", "constraints.txt"]
    code = run(command + ["--editable", ".[%s]" % ",".join(extras)])
    if code:
        sys.stderr.write("Installing failed; the lines above say why. Try again once it is mended.\n")
    elif not here:
        write(stamp, state)
    return code


def state_of_project():
    """Returns a digest of what the installation depends on: requirements, place and Python."""
    digest = hashlib.sha256((ROOT + sys.version).encode("utf-8"))
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def read(path):
    """Returns the text of a file, or nothing."""
    try:
        with open(path) as file:
            return file.read()
    except (IOError, OSError):
        return ""


def write(path, text):
    """Writes a file whole or not at all."""
    with open(path + ".partial", "w") as file:
        file.write(text)
    os.replace(path + ".partial", path)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("interrupted")
