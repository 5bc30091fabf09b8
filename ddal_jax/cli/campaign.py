"""What the commands of a campaign share: where it is, how they answer, and how they end."""

import argparse
import errno
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ddal_jax.campaign.errors import NothingLeft

DONE, FAILED = 0, 1
_DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT}
# What the command calls arguments of `Campaign` that are not options of the same name.
_WORDS = {
    "folder": "-c", "num": "-n", "query_size": "-n", "num_seeds": "--seeds", "path": "-o", "number": "--round",
    "columns": "--map", "pool": "POOL",
}  # fmt: skip
_WORDS_OF = {"ingest": {"labels": "LABELS"}, "replay": {"number": "NNN"}}
_ARGUMENT = re.compile(r"[a-z_]+(?= must )")


class Answer(NamedTuple):
    """What a command found.

    Attributes:
      text: for people.
      data: the same for `--json`.
      code: exit code.
    """

    text: str
    data: Mapping[str, Any]
    code: int = DONE


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Declares the words that all commands of a campaign have."""
    parser.add_argument(
        "-c",
        "--campaign",
        type=Path,
        default=Path("campaign"),
        metavar="DIR",
        help="the campaign (default: ./campaign)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def answer(arguments: argparse.Namespace, work: Callable[[argparse.Namespace], Answer]) -> int:
    """Does the work, prints what it found, and returns the exit code; nothing left to do is 1.

    Whatever becomes of the printing, the code tells of the work alone.

    Raises:
      ValueError: bad input; an argument is called what it is on the command line.
      TypeError: as before.
      OSError: a run that failed; of a full disk it says what that means.
    """
    try:
        found = work(arguments)
    except NothingLeft as reason:
        sys.stderr.write(f"ddal {arguments.command}: {reason}\n")
        return FAILED
    except (ValueError, TypeError) as error:
        told = _in_words_of_the_command(str(error), arguments)
        raise (ValueError if isinstance(error, ValueError) else TypeError)(told) from error
    except OSError as error:
        if error.errno in _DISK_IS_FULL:
            raise OSError(
                f"the disk is full ({error}). Nothing was lost or half written; make room and run it again."
            ) from error
        raise
    _print((_as_json(found.data) if arguments.json else found.text).rstrip("\n") + "\n", arguments.command)
    return found.code


def prepare() -> None:
    """Readies JAX, before a command that computes."""
    from ddal_jax.cli import session

    session.prepare_jax()


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Returns rows as text, one line each below the names of the columns, nothing cut off."""
    cells = [list(columns)] + [["" if row[name] is None else str(row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "".join("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in cells)


def _in_words_of_the_command(message: str, arguments: argparse.Namespace) -> str:
    """Returns a refusal that begins with the name of an argument with the word that the command has for it."""
    found = _ARGUMENT.match(message)
    if found is None:
        return message
    name = found[0]
    usual = f"--{name.replace('_', '-')}" if name in vars(arguments) else name
    word = _WORDS_OF.get(arguments.command, {}).get(name) or _WORDS.get(name, usual)
    return word + message[found.end() :]


def _as_json(data: Mapping[str, Any]) -> str:
    """Returns JSON, with escapes in place of letters where the output cannot hold all of them."""
    text, escaped = (
        json.dumps(data, indent=2, ensure_ascii=escaping, default=str, allow_nan=False) for escaping in (False, True)
    )
    return text if _printable(text) == text else escaped


def _printable(text: str) -> str:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, errors="backslashreplace").decode(encoding)


def _print(text: str, command: str) -> None:
    """Prints what was found; nobody who listens is no failure, and any other trouble is told but is none of the work.

    What could not be printed must not wait in the buffer either, or Python would fail on it when it ends.
    """
    try:
        print(_printable(text), end="", flush=True)  # noqa: T201  # does without a closed standard output
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"ddal {command}: what was found could not be printed ({error}), but the work is done.\n")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
