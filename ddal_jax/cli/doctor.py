"""`ddal doctor`: what is installed, what runs where, and what is optional and missing."""

import argparse
import importlib.metadata
import importlib.util

from ddal_jax.cli.session import console, prepare_jax
from ddal_jax.experiments import results

# Module to look for, and the extra that brings it.
_OPTIONAL = {
    "matplotlib": ("figures", "figures"),
    "pandas": ("data", "data sets from OpenML"),
    "pyarrow": ("parquet", "pools in parquet files"),
    "skactiveml": ("skactiveml", "the strategy for scikit-activeml"),
    "safetensors": ("weights", "pre-trained VGG-16"),
    "faiss": ("bench", "a peer of the benchmarks"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares no words: the subcommand has none."""
    del parser


def main(arguments: argparse.Namespace) -> int:
    """Prints the report."""
    del arguments
    prepare_jax()
    for name, value in _flat(results.environment()):
        console.print(f"{name:<14} {value}", highlight=False)
    for module, (extra, purpose) in _OPTIONAL.items():
        found = importlib.util.find_spec(module) is not None
        remedy = "installed" if found else f'missing: pip install "ddal-jax\\[{extra}]"'
        console.print(f"{module:<14} {remedy} ({purpose})", highlight=False)
    return 0


def _flat(report: dict) -> list[tuple[str, object]]:
    packages = report.pop("packages")
    return [*report.items(), *packages.items()]
