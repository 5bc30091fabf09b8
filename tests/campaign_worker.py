"""A person who labels without rest, in a process that may be killed: asks, labels, hands in, and says what was done.

Usage: python campaign_worker.py CAMPAIGN SCRATCH LABELS FIRST_NUMBER. SCRATCH is another campaign on the same pool, on
which everything is compiled before the work begins; "" leaves `next` out.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

from campaigns import truth, write_labels

from ddal_jax import cli

_HEADER = ("id", "label", "annotator")
_AT_ONCE = 7


def _say(*words):
    print(*words, flush=True)  # noqa: T201


def _ddal(*words):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = cli.main([*map(str, words), "--json"])
    assert code == 0, printed.getvalue()
    return json.loads(printed.getvalue())


def main(campaign, scratch, folder, first):
    if scratch:
        _ddal("next", "-n", 2, "-c", scratch)
    _say("ready")
    sys.stdin.readline()
    number = int(first)
    while True:
        names = [str(place) for place in range(_AT_ONCE)]
        if scratch:
            asked = _ddal("next", "-n", 2, "-c", campaign)
            _say("asked", asked["round"])
            names = [query["id"] for query in asked["queries"]]
        path = write_labels(Path(folder) / f"{number}.csv", [(name, truth(name), number) for name in names], _HEADER)
        _ddal("ingest", path, "-c", campaign)
        _say("ingested", number)
        number += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
