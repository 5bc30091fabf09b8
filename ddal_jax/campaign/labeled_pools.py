"""A pool with the labels of a file, without a campaign: what a simulation begins from."""

from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int

from ddal_jax.campaign import label_files, pool_files
from ddal_jax.campaign.label_files import LabelFile
from ddal_jax.campaign.state import class_order
from ddal_jax.campaign.store import SET
from ddal_jax.campaign.votes import named_votes, resolve

_SHOWN = 5


class LabeledPool(NamedTuple):
    """Features and labels.

    Attributes:
      features: as they are used; an .npy of float32 stays on the disk until then.
      labels: codes by majority, int32; -1 where there is none.
      classes: names, by code.
      ids: of the rows.
      missing: lines of the labels without one.
      missing_words: words that were taken for a missing label there, such as NA.
    """

    features: Float32[np.ndarray, "n d"]
    labels: Int[np.ndarray, " n"]
    classes: tuple[str, ...]
    ids: list[str]
    missing: int = 0
    missing_words: tuple[str, ...] = ()


def read_labeled_pool(pool: str | PathLike[str], labels: str | PathLike[str], *, ids: str | None = None) -> LabeledPool:
    """Reads a pool and its labels, refused as `init` and `ingest` refuse them.

    Raises:
      ValueError: names the file, the line and a remedy; fewer than two classes too.
    """
    found = pool_files.read_pool(Path(pool), ids=ids)
    given = label_files.read_labels(Path(labels), columns={}, classes=None)
    rows = {name: row for row, name in enumerate(found.ids)}
    votes = [vote for vote in given.votes if vote.action == SET]
    for vote in votes:
        if vote.id not in rows:
            raise ValueError(f"{vote.where}: id {vote.id!r} is not in {pool}; correct it or leave the line out.")
    classes = tuple(sorted({vote.label or "" for vote in votes}, key=class_order))
    standing = named_votes(((rows[vote.id], vote.label or "", vote.annotator) for vote in votes), classes)
    resolved = resolve(standing, num_points=len(found.ids), num_classes=len(classes))
    _refuse_a_single_class(labels, [classes[code] for code in np.unique(resolved.labels) if code >= 0], given)
    features = pool_files.as_used(found.features)
    return LabeledPool(features, resolved.labels, classes, found.ids, given.num_missing, given.missing_words)


def _refuse_a_single_class(labels: str | PathLike[str], present: list[str], given: LabelFile) -> None:
    if len(present) > 1:
        return
    got = f"{present[0]!r} alone" if present else "none"
    words = ", ".join(map(repr, given.missing_words[:_SHOWN])) + (", ..." if len(given.missing_words) > _SHOWN else "")
    missing = f" {given.num_missing} lines have no label." if given.num_missing else ""
    if words:
        missing += f" Among them {words} was taken for a missing label; if it is a class, give it another name."
    raise ValueError(f"{labels}: labels must be of at least two classes; got {got}.{missing}")
