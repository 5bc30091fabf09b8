"""A campaign's pool read again, and refused where it is not what it was."""

from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from ddal_jax.campaign.facts import Facts
from ddal_jax.campaign.fingerprint import differences, fingerprint
from ddal_jax.campaign.pool_files import MissingColumn, Pool, read_pool
from ddal_jax.campaign.pool_paths import pool_path


def reread(campaign: Path, facts: Facts) -> Shaped[np.ndarray, "n d"]:
    """Reads the features of a campaign's pool again; its ids are those of the record, which may come from elsewhere.

    Raises:
      ValueError: it is gone, or is not what it was; the message says in what.
    """
    path = pool_path(campaign, facts.pool_path)
    if not path.is_file():
        raise ValueError(f"the pool of this campaign must lie at {str(path)!r}, where it was; put it back there.")
    pool = _read(path, facts.pool.id_column)
    told = differences(facts.pool, fingerprint(pool))
    if told:
        raise ValueError(
            f"{path} is not the pool that this campaign began with ({'; '.join(told)}). Put the old file back, or "
            "begin a new campaign with `ddal init`."
        )
    return pool.features


def _read(path: Path, column: str | None) -> Pool:
    try:
        return read_pool(path, ids=column)
    except MissingColumn as error:
        raise ValueError(
            f"{path} has no column {column!r} any more, which held the ids of this campaign; its columns are "
            f"{', '.join(error.columns)}. Name the column {column!r} again, or begin a new campaign with `ddal init "
            "--ids COLUMN`."
        ) from error
