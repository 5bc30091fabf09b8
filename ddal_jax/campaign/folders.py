"""The folders of a campaign, written whole or not at all, and what a killed command left of them.

A round is written under another name beside its own, seen onto the disk, renamed, and only then recorded, all while no
other command may write. What has no record is therefore the rest of a killed command. The next one removes what was
never renamed; a folder with a round's own name may have been seen and worked on, so it is put aside under another.
"""

import glob
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
_UNFINISHED, _UNRECORDED = ".unfinished", ".unrecorded"
_OURS = re.compile(rf"\.?\d{{3,}}({re.escape(_UNFINISHED)})?")


def round_folder(campaign: Path, number: int) -> Path:
    """Returns the folder of a round."""
    return campaign / ROUNDS / f"{number:03d}"


def write_round(campaign: Path, number: int, files: Mapping[str, bytes]) -> Path:
    """Writes the folder of a round and returns it. Only within `store.writing`."""
    _refuse_link(campaign)
    target = round_folder(campaign, number)
    target.parent.mkdir(exist_ok=True)
    unfinished = target.with_name(f".{target.name}{_UNFINISHED}")
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
        raise ValueError(f"-o must not overwrite what the campaign stands on; got {str(target)!r}.")


def sync_folder(folder: Path) -> None:
    """Sees the names in a folder onto the disk, where the system offers that."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def begin(target: Path) -> Path:
    """Makes the folder in which a new campaign is prepared, beside the one it will be.

    What an earlier, killed attempt left there is removed.

    Raises:
      ValueError: something is in `target` already.
    """
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise ValueError(f"-c must name a folder that is new or empty; {str(target)!r} holds something already.")
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{target.name}."
    for leftover in target.parent.glob(f"{glob.escape(prefix)}*{_UNFINISHED}"):
        # Renamed first, so that another `init` that is still at work fails whole instead of losing files.
        trash = leftover.with_name(f"{prefix}trash{os.getpid()}{_UNFINISHED}")
        if trash != leftover:
            os.rename(leftover, trash)
        shutil.rmtree(trash, ignore_errors=True)
    unfinished = target.with_name(f"{prefix}{os.getpid()}{_UNFINISHED}")
    unfinished.mkdir()
    (unfinished / ROUNDS).mkdir()
    return unfinished


def finish(unfinished: Path, target: Path) -> None:
    """Gives a prepared campaign its name."""
    for path in unfinished.iterdir():
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    sync_folder(unfinished)
    os.rename(unfinished, target.resolve())
    sync_folder(unfinished.parent)


def _refuse_link(campaign: Path) -> None:
    if (campaign / ROUNDS).is_symlink():
        raise ValueError(f"{campaign / ROUNDS} must be a folder of the campaign; it leads out of it.")


def _leftovers(connection: sqlite3.Connection, campaign: Path) -> list[Path]:
    rounds = campaign / ROUNDS
    found = [path for path in rounds.iterdir() if _OURS.fullmatch(path.name)] if rounds.is_dir() else []
    found += campaign.glob(f"{GRAPH}.*{_UNFINISHED}")
    recorded: Collection[Path] = {round_folder(campaign, record.number) for record in store.rounds(connection)}
    return sorted(path for path in found if path not in recorded)


def _clear(path: Path) -> None:
    if path.name.endswith(_UNFINISHED):
        path.unlink() if path.is_file() else shutil.rmtree(path)
        return
    if not path.is_dir() or path.is_symlink():
        raise ValueError(f"{path} is no round of this campaign; move it elsewhere.")
    places = (path.with_name(f"{path.name}{_UNRECORDED}{count or ''}") for count in itertools.count())
    os.rename(path, next(place for place in places if not place.exists()))
    sync_folder(path.parent)
