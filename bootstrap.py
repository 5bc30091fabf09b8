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
OLDEST = (3, 11)
NEWER_NAMES = ["python3.13", "python3.12", "python3.11", "python3.14", "python3", "python"]

# Extras each task needs, and its commands; the first word is a program of the environment.
TASKS = {
    "demo": (["figures"], [["ddal", "demo"]]),
    "test": (["test"], [["python", "-m", "pytest"]]),
    "test-slow": (["test"], [["python", "-m", "pytest", "-m", "not network and not gpu"]]),
    "bench": (["bench"], [["python", "-m", "benchmarks"]]),
    "lint": (
        ["lint", "test"],
        [
            ["ruff", "format", "--check", "."],
            ["ruff", "check", "."],
            ["pyright"],
            ["lint-imports"],
        ],
    ),
}


def main(words):
    """Returns the exit code of the task."""
    here = "--here" in words
    words = [word for word in words if word != "--here"]
    if not words or words[0] not in TASKS:
        sys.stderr.write("usage: bootstrap.py %s [--here]\n" % "|".join(sorted(TASKS)))
        return 2
    if sys.version_info[:2] < OLDEST:
        return restart_with_newer_python(sys.argv[1:])
    extras, commands = TASKS[words[0]]
    folder = os.path.dirname(sys.executable) if here else make_environment()
    if folder is None:
        return 1
    code = install(folder, extras, here)
    if code:
        return code
    for command in commands:
        program = program_path(folder, command[0])
        code = subprocess.call([program] + command[1:] + words[1:], cwd=ROOT)
        if code:
            return code
    return 0


def restart_with_newer_python(words):
    """Runs this file again under a Python that is new enough."""
    for name in NEWER_NAMES:
        try:
            found = subprocess.check_output([name, "-c", "import sys; print(sys.version_info[:2] >= (3, 11))"])
        except (OSError, subprocess.CalledProcessError):
            continue
        if found.strip() == b"True":
            return subprocess.call([name, os.path.abspath(__file__)] + words)
    sys.stderr.write("ddal_jax needs Python 3.11 or newer; none was found on the PATH. Install one and try again.\n")
    return 1


def make_environment():
    """Returns the folder of programs of `.venv`, made if it is missing or broken; None if it cannot be made."""
    environment = os.path.join(ROOT, ".venv")
    folder = os.path.join(environment, "Scripts" if os.name == "nt" else "bin")
    if works(program_path(folder, "python")):
        return folder
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        package = "python%d.%d-venv" % sys.version_info[:2]
        sys.stderr.write("This Python cannot make virtual environments: install the package %s.\n" % package)
        return None
    sys.stdout.write("First run: setting up .venv, about a minute and 0.9 GB.\n")
    sys.stdout.flush()
    if subprocess.call([sys.executable, "-m", "venv", "--clear", environment]):
        return None
    return folder


def works(python):
    """Tells whether a Python starts and has pip and is new enough."""
    check = "import pip, sys; sys.exit(sys.version_info[:2] < (3, 11))"
    try:
        with open(os.devnull, "w") as nowhere:
            return subprocess.call([python, "-c", check], stderr=nowhere) == 0
    except OSError:
        return False


def install(folder, extras, here):
    """Installs the project with its extras unless this very state of the files is installed; returns an exit code."""
    stamp = os.path.join(ROOT, ".venv", "installed-" + "-".join(extras))
    state = state_of_files()
    if not here and read(stamp) == state:
        return 0
    target = "%s[%s]" % (ROOT, ",".join(extras))
    command = [program_path(folder, "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Exact versions everywhere but on a machine whose own versions must stay.
    command += [] if here else ["--constraint", os.path.join(ROOT, "constraints.txt")]
    code = subprocess.call(command + ["--editable", target])
    if code:
        sys.stderr.write("Installing failed; the lines above say why. Nothing else was changed.\n")
    elif not here:
        with open(stamp, "w") as file:
            file.write(state)
    return code


def state_of_files():
    """Returns a digest of what the installation depends on."""
    digest = hashlib.sha256()
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


def program_path(folder, name):
    """Returns where a program of the environment stands."""
    return os.path.join(folder, name + (".exe" if os.name == "nt" else ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
