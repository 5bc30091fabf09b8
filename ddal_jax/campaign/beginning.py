"""How a campaign begins: everything is read and checked, then its folder is made whole or not at all."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

from ddal_jax import checks
from ddal_jax.campaign import folders, ingestion, label_files, store
from ddal_jax.campaign.fingerprint import fingerprint, stored_path
from ddal_jax.campaign.pool_files import read_pool

_LARGEST_SEED = 2**32 - 1


def begin(
    pool: Path, target: Path, *, labels: Path | None, ids: str | None, classes: Sequence[str] | None, seed: int
) -> None:
    """Makes the folder of a campaign; see `Campaign.init`.

    Raises:
      ValueError: bad files or settings; nothing is written then.
      OSError: the disk is full; nothing is left then.
    """
    seed = checks.integer("seed", seed, low=0, high=_LARGEST_SEED)
    names = None if classes is None else _class_names(classes)
    found = read_pool(pool, ids=ids)
    known = None if labels is None else label_files.read_labels(labels, columns={}, classes=names)
    facts = {
        "pool_path": stored_path(target, pool),
        "pool": dataclasses.asdict(fingerprint(found)),
        "classes": names,
        "seed": seed,
        "begun": store.now(),
    }
    unfinished = folders.begin(target)
    try:
        with store.told(unfinished / store.DATABASE):
            store.create(unfinished / store.DATABASE, facts, found.ids)
        if known is not None:
            with store.opened(unfinished) as connection:
                ingestion.ingest(connection, known)
        folders.finish(unfinished, target)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _class_names(classes: Sequence[str]) -> list[str]:
    names = [str(name).strip() for name in classes]
    if not all(names) or len(set(names)) < len(names):
        raise ValueError(f"classes must be names that differ; got {', '.join(map(repr, names))}.")
    return names
