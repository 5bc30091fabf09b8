"""Programs in processes of their own, for what must be true from the start of one."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent


def run_python(script: str, *arguments: str) -> str:
    """Runs a script beside the tests and returns what it printed; fails loudly if it failed."""
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=TESTS,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
