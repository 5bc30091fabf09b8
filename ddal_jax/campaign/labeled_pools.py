"""A pool with the labels of a file, without a campaign: what a simulation begins from."""

from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from ddal_jax.campaign import label_files, pool_files
from ddal_jax.campaign.state import class_order
from ddal_jax.campaign.store import SET
from ddal_jax.campaign.votes import Votes, resolve


class LabeledPool(NamedTuple):
    """Features and labels.

    Attributes:
      features: as stored; an .npy stays on the disk until it is used.
      labels: codes by majority, int32; -1 where there is none.
      classes: names, by code.
      ids: of the rows.
    """

    features: Shaped[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    classes: tuple[str, ...]
    ids: list[str]


def read_labeled_pool(pool: str | PathLike[str], labels: str | PathLike[str], *, ids: str | None = None) -> LabeledPool:
    """Reads a pool and its labels, refused as `init` and `ingest` refuse them.

    Raises:
      ValueError: names the file, the line and a remedy.
    """
    found = pool_files.read_pool(Path(pool), ids=ids)
    given = label_files.read_labels(Path(labels), columns={}, classes=None)
    rows = {name: row for row, name in enumerate(found.ids)}
    votes = [vote for vote in given.votes if vote.action == SET]
    for vote in votes:
        if vote.id not in rows:
            raise ValueError(f"{vote.where}: id {vote.id!r} is not in {pool}; correct it or leave the line out.")
    classes = tuple(sorted({vote.label or "" for vote in votes}, key=class_order))
    codes = {name: code for code, name in enumerate(classes)}
    standing = Votes(
        np.asarray([rows[vote.id] for vote in votes], np.int64),
        np.asarray([codes[vote.label or ""] for vote in votes], np.int64),
        np.asarray([vote.annotator for vote in votes], object),
    )
    resolved = resolve(standing, num_points=len(found.ids), num_classes=len(classes))
    return LabeledPool(found.features, resolved.labels, classes, found.ids)
