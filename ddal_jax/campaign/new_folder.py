"""The folder of a new campaign, whole or not at all, whether it was there and empty, a disk of its own, or not there.

All is prepared in a folder within, and the record is moved to its place last: without a record there is no campaign.
What a killed attempt leaves can be told by its name, so that the next one clears it.
"""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ddal_jax.campaign import tables
from ddal_jax.campaign.folders import PREPARED, UNFINISHED, sync_folder
from ddal_jax.campaign.store import DATABASE

_OURS = re.compile(rf"{re.escape(PREPARED)}\w+{re.escape(UNFINISHED)}")
# A disk of its own has this from the start.
_OF_THE_DISK = "lost+found"


@contextmanager
def prepared(target: Path) -> Iterator[Path]:
    """Gives a folder to prepare a campaign's record in, and afterwards makes it the campaign in `target`.

    If anything fails, all that was made is removed.

    Raises:
      ValueError: `target` holds something already, or a file is in the way.
    """
    _refuse_what_is_taken(target)
    target = target.resolve()
    made = [path for path in (target, *target.parents) if not path.exists()]
    try:
        target.mkdir(parents=True, exist_ok=True)
        _clear(target)
        unfinished = Path(tempfile.mkdtemp(prefix=PREPARED, suffix=UNFINISHED, dir=target))
        try:
            yield unfinished
            _settle(unfinished, target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except BaseException:
        # Innermost first, and none that another command has put something in meanwhile.
        with contextlib.suppress(OSError):
            for path in made:
                path.rmdir()
        raise


def _refuse_what_is_taken(target: Path) -> None:
    tables.refuse_undecodable_path("folder", target)
    nearest = next(path for path in (target, *target.parents) if path.exists())
    if not nearest.is_dir():
        raise ValueError(f"folder must name a folder; got {str(target)!r}, and {str(nearest)!r} is a file.")
    if nearest == target:
        held = sorted(path.name for path in target.iterdir() if path.name != _OF_THE_DISK and not _is_leftover(path))
        if held:
            raise ValueError(
                f"folder must name a folder that is new or empty; {str(target)!r} holds {held[0]!r} already."
            )


def _is_leftover(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and _OURS.fullmatch(path.name) is not None


def _clear(target: Path) -> None:
    for leftover in filter(_is_leftover, target.iterdir()):
        # Renamed first, so that another `init` that is still at work fails whole instead of losing files.
        trash = leftover.with_name(f"{PREPARED}trash{os.getpid()}{UNFINISHED}")
        if trash != leftover:
            os.rename(leftover, trash)
        shutil.rmtree(trash, ignore_errors=True)


def _settle(unfinished: Path, target: Path) -> None:
    record = unfinished / DATABASE
    if [path for path in unfinished.iterdir() if path != record]:
        raise OSError(f"{record} could not be written whole; see to the disk and run it again.")
    if (target / DATABASE).exists():
        raise ValueError(
            f"folder must name a folder that is new or empty; another command began a campaign in {target}."
        )
    with record.open("rb+") as file:
        os.fsync(file.fileno())
    os.rename(record, target / DATABASE)
    sync_folder(target)
    sync_folder(target.parent)
