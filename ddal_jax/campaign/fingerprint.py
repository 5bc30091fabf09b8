"""What a pool is in a few words, so that another pool is never taken for it."""

import hashlib
from collections.abc import Iterable

from ddal_jax.campaign.facts import Fingerprint
from ddal_jax.campaign.pool_files import Pool, blocks

_DIFFERENCES = {
    "rows": "rows were {0}, are {1}",
    "columns": "columns were {0}, are {1}",
    "dtype": "dtype was {0}, is {1}",
    "sha256": "the numbers differ",
    "ids_sha256": "the ids differ",
}


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


def differences(before: Fingerprint, now: Fingerprint) -> list[str]:
    """Says in what two pools differ; ids count only where the first pool had them in a column of its own."""
    compared = [name for name in _DIFFERENCES if name != "ids_sha256" or before.id_column is not None]
    pairs = {name: (getattr(before, name), getattr(now, name)) for name in compared}
    return [_DIFFERENCES[name].format(*pair) for name, pair in pairs.items() if pair[0] != pair[1]]


def _digest_of(ids: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in ids:
        digest.update(name.encode() + b"\0")
    return digest.hexdigest()
