"""The folders of a campaign, written whole or not at all, and what a killed command left of them.

A round is written under another name beside its own, seen onto the disk, renamed, and only then recorded, all while no
other command may write. Whatever has no record is therefore the rest of a killed command, and the next one removes it.
"""

import glob
import os
import re
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path

from ddal_jax.campaign import store

ROUNDS, GRAPH = "rounds", "graph.npz"
QUERIES, QUERIES_JSON, CONFIG = ROUND_FILES = ("queries.csv", "queries.jsonl", "config.json")
_UNFINISHED = ".unfinished"
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
    """Removes what a killed command left unrecorded.

    Raises:
      ValueError: a folder that looks like a round has no record but holds files that no command wrote, or `rounds`
        leads out of the campaign.
    """
    _refuse_link(campaign)
    if not _leftovers(connection, campaign):
        return
    # What looked left over may have been the work of another command: wait for it, and look again.
    with store.writing(connection):
        for path in _leftovers(connection, campaign):
            _remove(path)


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


def _remove(path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        path.unlink()
        return
    foreign = [inside.name for inside in path.iterdir() if inside.name not in ROUND_FILES]
    if foreign:
        raise ValueError(
            f"{path} is no round of this campaign, yet holds {', '.join(sorted(foreign)[:3])}; move it elsewhere."
        )
    shutil.rmtree(path)
