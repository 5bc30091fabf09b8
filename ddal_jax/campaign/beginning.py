"""How a campaign begins: everything is read and checked, then its folder is made whole or not at all."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ddal_jax import checks
from ddal_jax.campaign import ingestion, label_files, new_folder, store, tables
from ddal_jax.campaign.facts import Facts
from ddal_jax.campaign.fingerprint import fingerprint
from ddal_jax.campaign.ingestion import Ingested
from ddal_jax.campaign.pool_files import read_pool
from ddal_jax.campaign.pool_paths import stored_path
from ddal_jax.campaign.record_errors import told

_LARGEST_SEED = 2**32 - 1


class Begun(NamedTuple):
    """What a campaign was begun with.

    Attributes:
      columns: of the pool that were taken as features, or the array; None where nothing has a name.
      ingested: what came of the labels known already, None where none were given.
    """

    columns: tuple[str, ...] | None
    ingested: Ingested | None


def begin(
    pool: Path, target: Path, *, labels: Path | None, ids: str | None, classes: Sequence[str] | None, seed: int
) -> Begun:
    """Makes the folder of a campaign; see `Campaign.init`.

    Raises:
      TypeError: `classes` is a single string.
      ValueError: bad files or settings; nothing is written then.
      OSError: the disk is full; nothing is left then.
    """
    seed = checks.integer("seed", seed, low=0, high=_LARGEST_SEED)
    names = None if classes is None else _class_names(classes)
    found = read_pool(pool, ids=ids)
    known = None if labels is None else label_files.read_labels(labels, columns={}, classes=names)
    facts = Facts(
        pool_path=stored_path(target, pool),
        pool=fingerprint(found),
        classes=None if names is None else tuple(names),
        seed=seed,
        begun=store.now(),
    )
    ingested = None
    with new_folder.prepared(target) as unfinished:
        record = unfinished / store.DATABASE
        with told(record):
            store.create(record, facts, found.ids)
        if known is not None:
            with store.opened(unfinished) as connection:
                ingested = ingestion.ingest(connection, known)
    return Begun(found.columns, ingested)


def _class_names(classes: Sequence[str]) -> list[str]:
    if isinstance(classes, str | bytes):
        raise TypeError(f"classes must be a sequence of names, such as ['a', 'b']; got the single string {classes!r}.")
    names = [str(name).strip() for name in classes]
    for name in names:
        tables.refuse_control_characters("classes", "class", name)
    if not all(names) or len(set(names)) < len(names):
        raise ValueError(f"classes must be names that differ; got {', '.join(map(repr, names))}.")
    return names
