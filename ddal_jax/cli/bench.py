"""`ddal bench`: the kernels beside their peers, timed by the harness of a checkout.

The harness is no part of what is installed: it stands beside the package where that is installed from a checkout, and
else it is looked for in the current folder.
"""

import argparse
import importlib
import sys
from pathlib import Path
from types import ModuleType

import ddal_jax

_HARNESS, _PARTS = "benchmarks", ("benchmarks/cli.py", "ddal_jax/__init__.py")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the harness; ends with exit code 2 where there is none."""
    root = _checkout()
    if root is None:
        parser.error(
            "the harness belongs to a checkout of the project, and there is none beside the installed package or in "
            f"the current folder ({Path.cwd()}): run it in the checkout's folder."
        )
    harness = _harness(root)
    harness.add_arguments(parser)
    parser.set_defaults(run=harness.run)


def main(arguments: argparse.Namespace) -> int:
    """Measures, compares or reports; see `benchmarks/README.md`."""
    return arguments.run(arguments)


def _checkout() -> Path | None:
    """Returns the folder that holds both the package and the harness."""
    candidates = (Path(ddal_jax.__file__).resolve().parents[1], Path.cwd())
    return next((root for root in candidates if all((root / part).is_file() for part in _PARTS)), None)


def _harness(root: Path) -> ModuleType:
    # In front, or another package of this common name could take its place.
    sys.path.insert(0, str(root))
    try:
        return importlib.import_module(f"{_HARNESS}.cli")
    finally:
        sys.path.remove(str(root))
