"""Where a campaign's pool lies, kept so that both may move together."""

import os
from pathlib import Path


def stored_path(campaign: Path, pool: Path) -> str:
    """Returns the path of a pool as kept: relative if it lies beside the campaign or below, so that both may move."""
    campaign, pool = campaign.resolve(), pool.resolve()
    if pool.is_relative_to(campaign.parent):
        return Path(os.path.relpath(pool, campaign)).as_posix()
    return str(pool)


def pool_path(campaign: Path, stored: str) -> Path:
    """Returns where the pool of a campaign lies."""
    return Path(os.path.normpath(campaign.resolve() / stored))
