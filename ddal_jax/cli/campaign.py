"""What the commands of a campaign share: where it is, how they answer, and how they end."""

import argparse
import errno
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ddal_jax.campaign.errors import NothingLeft

DONE, FAILED = 0, 1
_DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT}


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

    Raises:
      OSError: a run that failed; of a full disk it says what that means.
    """
    try:
        found = work(arguments)
    except NothingLeft as reason:
        sys.stderr.write(f"ddal {arguments.command}: {reason}\n")
        return FAILED
    except OSError as error:
        if error.errno in _DISK_IS_FULL:
            raise OSError(
                f"the disk is full ({error}). Nothing was lost or half written; make room and run it again."
            ) from error
        raise
    if arguments.json:
        sys.stdout.write(json.dumps(found.data, indent=2, ensure_ascii=False, default=str, allow_nan=False) + "\n")
    else:
        sys.stdout.write(found.text.rstrip("\n") + "\n")
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
