"""What a pool was when the campaign began, so that another pool is never taken for it."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from ddal_jax.campaign.pool_files import ROW_NUMBERS, Pool, blocks, read_pool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What tells one pool from another.

    Attributes:
      rows: N.
      columns: d.
      dtype: as stored.
      sha256: of the features, row by row.
      ids_sha256: of the ids, in order.
      ids_from: where the ids came from.
    """

    rows: int
    columns: int
    dtype: str
    sha256: str
    ids_sha256: str
    ids_from: str


def fingerprint(pool: Pool) -> Fingerprint:
    """Returns what a pool is."""
    digest = hashlib.sha256()
    for _, rows in blocks(pool.features):
        digest.update(rows.tobytes())
    return Fingerprint(
        rows=len(pool.features),
        columns=pool.features.shape[1],
        dtype=pool.features.dtype.str,
        sha256=digest.hexdigest(),
        ids_sha256=_digest_of(pool.ids),
        ids_from=pool.ids_from,
    )


def reread(campaign: Path, facts: dict[str, Any]) -> Shaped[np.ndarray, "n d"]:
    """Reads the features of a campaign's pool again; its ids are those of the record, which may come from elsewhere.

    Raises:
      ValueError: it is gone, or is not what it was; the message says in what.
    """
    path, before = pool_path(campaign, facts["pool_path"]), Fingerprint(**facts["pool"])
    if not path.is_file():
        raise ValueError(f"the pool of this campaign must lie at {str(path)!r}, where it was; put it back there.")
    column = before.ids_from.removeprefix("column ") if before.ids_from.startswith("column ") else None
    pool = read_pool(path, ids=column)
    now = fingerprint(pool)
    names = ["rows", "columns", "dtype", "sha256"]
    if column is not None:
        names.append("ids_sha256")
    changed = [name for name in names if getattr(before, name) != getattr(now, name)]
    if changed:
        told = "; ".join(_difference(name, getattr(before, name), getattr(now, name)) for name in changed)
        raise ValueError(
            f"{path} is not the pool that this campaign began with ({told}). Put the old file back, or begin a new "
            "campaign with `ddal init`."
        )
    return pool.features


def stored_path(campaign: Path, pool: Path) -> str:
    """Returns the path of a pool as kept: relative if it lies beside the campaign or below, so that both may move."""
    campaign, pool = campaign.resolve(), pool.resolve()
    if pool.is_relative_to(campaign.parent):
        return Path(os.path.relpath(pool, campaign)).as_posix()
    return str(pool)


def pool_path(campaign: Path, stored: str) -> Path:
    """Returns where the pool of a campaign lies."""
    return Path(os.path.normpath(campaign.resolve() / stored))


def _difference(name: str, before: Any, now: Any) -> str:
    words = {"sha256": "the numbers differ", "ids_sha256": "the ids differ"}
    return words.get(name, f"{name} were {before}, are {now}" if name != "dtype" else f"dtype was {before}, is {now}")


def _digest_of(ids: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in ids:
        digest.update(name.encode() + b"\0")
    return digest.hexdigest()


def described_ids(facts: dict[str, Any]) -> str:
    """Says what ids of a campaign look like, for messages."""
    found = Fingerprint(**facts["pool"])
    if found.ids_from == ROW_NUMBERS:
        return f"ids here are row numbers from 0 to {found.rows - 1}"
    return f"ids here come from {found.ids_from}"
