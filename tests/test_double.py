"""The paper's claims in float64: the tests of `tests/double`, in a process of its own with JAX's x64 mode on."""

import os
import subprocess
import sys

import pytest
from processes import TESTS


def run_claims(*options, x64, quickly=False):
    """Runs the tests and returns the exit code, which is not 0 if none was found, and what was printed."""
    environment = {
        name: value for name, value in os.environ.items() if name != "XLA_FLAGS" and not name.startswith("PYTEST_")
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "double", "-n", "0", "-p", "no:cacheprovider", *options],
        cwd=TESTS,
        env=environment | {"JAX_ENABLE_X64": str(int(x64)), "JAX_DISABLE_MOST_OPTIMIZATIONS": str(int(quickly))},
        capture_output=True,
        text=True,
        timeout=3600,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_papers_claims_hold_or_fail_as_the_table_says():
    code, printed = run_claims(x64=True, quickly=True)

    assert code == 0, printed


@pytest.mark.slow
def test_they_do_so_on_hundreds_of_examples_each():
    code, printed = run_claims("-m", "not network and not gpu", "--hypothesis-profile=many", x64=True)

    assert code == 0, printed


@pytest.mark.slow
def test_without_float64_none_of_them_is_collected():
    code, printed = run_claims("--collect-only", x64=False)

    assert code == pytest.ExitCode.NO_TESTS_COLLECTED, printed
