"""The `ddal` command. What a subcommand needs is imported when it runs, so that `ddal --help` answers at once."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from ddal_jax import __version__

# Each module offers `add_arguments(parser)` and `main(arguments) -> exit code`.
COMMANDS = {
    "demo": "watch diffusion against random labelling and margin sampling on handwritten digits",
    "run": "run an experiment of the paper, or an offline stand-in",
    "fixed-graph": "compare query rules on fixed graphs, one label at a time, without a network",
    "evaluate": "judge strategies from results files",
    "theory": "measure which of the paper's claims hold, and report it",
    "init": "begin a labelling campaign on a pool of features",
    "next": "ask what to label next, ranked, with reasons",
    "ingest": "take labels into a campaign",
    "undo": "take back the last ingest of a campaign",
    "status": "tell where a campaign stands, and whether to go on",
    "export": "write labels given and propagated, all votes, or tasks for a labelling tool",
    "map": "draw a campaign's pool as an interactive page",
    "replay": "compute a round of a campaign again, and compare",
    "simulate": "label a labelled pool again, and tell whether it would have helped",
    "doctor": "tell versions, devices, and what is optional and missing",
    "bench": "time the kernels beside other libraries, compare and report results",
}
# A module named as a builtin would take its place here.
_MODULES = {"next": "next_round", "map": "draw_map"}
DONE, FAILED, BAD_INPUT = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code: 0 done, 1 a run that failed, 2 bad input."""
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        return _module(arguments.command).main(arguments)
    except (ValueError, TypeError) as error:
        sys.stderr.write(f"ddal {arguments.command}: {error}\n")
        return BAD_INPUT
    except (OSError, ImportError) as error:
        sys.stderr.write(f"ddal {arguments.command}: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return FAILED


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Reads the command line; only the chosen subcommand is imported."""
    parser = argparse.ArgumentParser(prog="ddal", description="Decides what to label next, by label diffusion.")
    parser.add_argument("--version", action="version", version=f"ddal_jax {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in argv if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == chosen:
            _module(name).add_arguments(subparser)
    return parser.parse_args(argv)


def _module(command: str) -> ModuleType:
    return importlib.import_module(f"ddal_jax.cli.{_MODULES.get(command, command.replace('-', '_'))}")
