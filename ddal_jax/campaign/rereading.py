"""A campaign's pool read again, and refused where it is not what it was."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32

from ddal_jax.campaign.facts import Facts, Fingerprint
from ddal_jax.campaign.fingerprint import differences, fingerprint
from ddal_jax.campaign.pool_files import MissingColumn, Pool, as_used, read_contents, read_pool
from ddal_jax.campaign.pool_paths import pool_path


def reread(campaign: Path, facts: Facts) -> Float32[np.ndarray, "n d"]:
    """Reads the features of a campaign's pool again, as they are used; its ids are those of the record.

    Raises:
      ValueError: it is gone, or is not what it was; the message says in what.
    """
    path = pool_path(campaign, facts.pool_path)
    if not path.is_file():
        raise ValueError(f"the pool of this campaign must lie at {str(path)!r}, where it was; put it back there.")
    pool = _read(path, facts.pool)
    told = differences(facts.pool, fingerprint(pool))
    if told:
        raise ValueError(
            f"{path} is not the pool that this campaign began with ({'; '.join(told)}). Put the old file back, or "
            "begin a new campaign with `ddal init`."
        )
    return as_used(pool.features)


def _read(path: Path, before: Fingerprint) -> Pool:
    column = before.id_column
    if column is None:
        # Ids from elsewhere stand in the record, so that a column of ids that the pool has besides need not be sound.
        contents = read_contents(path)
        return Pool(contents.features, [], before.ids_from, contents.columns)
    try:
        return read_pool(path, ids=column)
    except MissingColumn as error:
        raise ValueError(
            f"{path} has no column {column!r} any more, which held the ids of this campaign; its columns are "
            f"{', '.join(error.columns)}. Name the column {column!r} again, or begin a new campaign with `ddal init "
            "--ids COLUMN`."
        ) from error
