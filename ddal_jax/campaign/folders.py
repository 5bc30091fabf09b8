"""The folders of a campaign, written whole or not at all, and what a killed command left of them.

A round is written under another name beside its own, seen onto the disk, renamed, and only then recorded, all while no
other command may write. What has no record is therefore the rest of a killed command. The next one removes what was
never renamed; a folder with a round's own name may have been seen and worked on, so it is put aside under another.
"""

import itertools
import os
import re
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path

from ddal_jax.campaign import store

ROUNDS, GRAPH = "rounds", "graph.npz"
QUERIES, QUERIES_JSON, CONFIG = ROUND_FILES = ("queries.csv", "queries.jsonl", "config.json")
UNFINISHED, _UNRECORDED = ".unfinished", ".unrecorded"
# Of folders in which the record of a new campaign is prepared.
PREPARED = ".campaign-"
_OURS = re.compile(rf"\.?\d{{3,}}({re.escape(UNFINISHED)})?")


def round_folder(campaign: Path, number: int) -> Path:
    """Returns the folder of a round."""
    return campaign / ROUNDS / f"{number:03d}"


def write_round(campaign: Path, number: int, files: Mapping[str, bytes]) -> Path:
    """Writes the folder of a round and returns it. Only within `store.writing`."""
    _refuse_link(campaign)
    target = round_folder(campaign, number)
    target.parent.mkdir(exist_ok=True)
    unfinished = target.with_name(f".{target.name}{UNFINISHED}")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir()
        for name, content in files.items():
            with (unfinished / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(unfinished)
        os.rename(unfinished, target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return target


def clear_leftovers(connection: sqlite3.Connection, campaign: Path) -> None:
    """Clears away what a killed command left unrecorded; nothing that a person may have touched is removed.

    Raises:
      ValueError: a file where a round would be, or `rounds` leads out of the campaign.
    """
    _refuse_link(campaign)
    if not _leftovers(connection, campaign):
        return
    # What looked left over may have been the work of another command: wait for it, and look again.
    with store.writing(connection):
        for path in _leftovers(connection, campaign):
            _clear(path)


def refuse_to_overwrite(campaign: Path, pool: Path, target: Path) -> None:
    """Refuses a file to be written where the record, a round, the graph or the pool lies.

    Raises:
      ValueError: says what it would have overwritten.
    """
    inside, whole = campaign.resolve(), target.resolve()
    own = whole.parent == inside and (whole.name.startswith(store.DATABASE) or whole.name == GRAPH)
    if own or whole.is_relative_to(inside / ROUNDS) or whole == pool.resolve():
        raise ValueError(f"path must not overwrite what the campaign stands on; got {str(target)!r}.")


def sync_folder(folder: Path) -> None:
    """Sees the names in a folder onto the disk, where the system offers that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_link(campaign: Path) -> None:
    if (campaign / ROUNDS).is_symlink():
        raise ValueError(f"{campaign / ROUNDS} must be a folder of the campaign; it leads out of it.")


def _leftovers(connection: sqlite3.Connection, campaign: Path) -> list[Path]:
    rounds = campaign / ROUNDS
    found = [path for path in rounds.iterdir() if _OURS.fullmatch(path.name)] if rounds.is_dir() else []
    # A folder in which the record was prepared is empty, now that it is in its place.
    found += [path for begun in (f"{GRAPH}.", PREPARED) for path in campaign.glob(f"{begun}*{UNFINISHED}")]
    recorded: Collection[Path] = {round_folder(campaign, record.number) for record in store.rounds(connection)}
    return sorted(path for path in found if path not in recorded)


def _clear(path: Path) -> None:
    if path.name.endswith(UNFINISHED):
        path.unlink() if path.is_file() else shutil.rmtree(path)
        return
    if not path.is_dir() or path.is_symlink():
        raise ValueError(f"{path} is no round of this campaign; move it elsewhere.")
    places = (path.with_name(f"{path.name}{_UNRECORDED}{count or ''}") for count in itertools.count())
    os.rename(path, next(place for place in places if not place.exists()))
    sync_folder(path.parent)
