"""A person who begins campaign after campaign, in a process that may be killed, and says which were begun.

Usage: python init_worker.py POOL LABELS FOLDER FIRST_NUMBER.
"""

import sys
from pathlib import Path

from ddal_jax import cli


def _say(*words):
    print(*words, flush=True)  # noqa: T201


def _init(pool, labels, folder):
    assert cli.main(["init", pool, "--labels", labels, "-c", str(folder)]) == 0


def main(pool, labels, folder, first):
    number = int(first)
    _init(pool, labels, Path(folder) / str(number))
    _say("ready")
    sys.stdin.readline()
    while True:
        number += 1
        target = Path(folder) / str(number)
        if number % 2:
            target.mkdir()
        _init(pool, labels, target)
        _say("begun", number)


if __name__ == "__main__":
    main(*sys.argv[1:])
