"""The label of every point of the pool, given or propagated, as one table."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from ddal_jax.campaign import store
from ddal_jax.campaign.batches import shortest
from ddal_jax.campaign.knowledge import Knowledge, current_knowledge
from ddal_jax.campaign.propagation import named_probabilities
from ddal_jax.campaign.reports import suspected
from ddal_jax.campaign.table_files import write_table

GIVEN, PROPAGATED, UNREACHED = SOURCES = ("given", "propagated", "unreached")
COLUMNS = (
    "id", "label", "source", "predicted", "reach", "hops", "nearest_labeled_id", "ignored", "tied", "suspect"
)  # fmt: skip


class ExportedLabels(NamedTuple):
    """The table that was written.

    Attributes:
      path: of the file.
      rows: in it, one for each point.
      given: points with a label.
      propagated: points that labels reach.
      unreached: points that none does.
      suspects: labels that the others contradict.
    """

    path: Path
    rows: int
    given: int
    propagated: int
    unreached: int
    suspects: int


def export_labels(connection: sqlite3.Connection, campaign: Path, path: Path) -> ExportedLabels:
    """Writes a row for each point of the pool, as CSV.

    `label` is what was given; `predicted` is the class that labels reaching the point say, and empty where none does;
    `probability_CLASS` are diffused probabilities, all alike where no label reaches. A lone class has all of the
    probability everywhere, and `reach` alone says how sure that is. `source` says which holds.

    Raises:
      ValueError: the graph has to be built and the pool is not what it was.
      OSError: the file cannot be written.
    """
    names = store.ids(connection)
    known = current_knowledge(connection, campaign)
    doubted = {entry["id"] for entry in suspected(known, names)} if (known.state.labels >= 0).any() else set()
    sources = _sources(known)
    header = [*COLUMNS, *(f"probability_{name}" for name in known.state.classes)]
    write_table(path, header, _rows(known, names, sources, doubted))
    given, propagated, unreached = (int((sources == code).sum()) for code in range(len(SOURCES)))
    return ExportedLabels(path, len(names), given, propagated, unreached, len(doubted))


def _sources(known: Knowledge) -> Int[np.ndarray, " n"]:
    reached = np.where(known.propagated.reach > 0, SOURCES.index(PROPAGATED), SOURCES.index(UNREACHED))
    return np.where(known.state.labels >= 0, SOURCES.index(GIVEN), reached)


def _rows(
    known: Knowledge, names: Sequence[str], sources: Int[np.ndarray, " n"], doubted: set[str]
) -> Iterator[list[Any]]:
    state, found = known.state, known.propagated
    probabilities = named_probabilities(found, num_named=len(state.classes))
    for row, name in enumerate(names):
        label, predicted, nearest = state.labels[row], found.predicted[row], found.nearest_labeled[row]
        yield [
            name,
            state.classes[label] if label >= 0 else "",
            SOURCES[sources[row]],
            state.classes[predicted] if predicted >= 0 else "",
            shortest(found.reach[row]),
            int(found.hops[row]),
            names[nearest] if nearest >= 0 else "",
            int(state.ignored[row]),
            int(state.tied[row]),
            int(name in doubted),
            *map(shortest, probabilities[row]),
        ]
