"""The label of every point of the pool, given or propagated, as one table."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
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
    "id", "label", "source", "predicted", "reach", "hops", "nearest_labeled_id", "ignored", "tied", "suspect",
    "implied", "doubt", "doubt_mass"
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
    `source` says which holds. `probability_CLASS` is the class's share of the mass that reaches the point, which is its
    probability given that a walk meets a label; all are alike where none does, and a lone class has all of it. `reach`
    is the probability that a walk does meet one: low, it says that labels are far, not that the class is in doubt.
    `implied`, `doubt` and `doubt_mass` tell of a suspected label what the others say, as in `suspects.Suspects`.
    Labels are spread with the settings of the last round, or the defaults before the first.

    Raises:
      ValueError: the graph has to be built and the pool is not what it was.
      OSError: the file cannot be written.
    """
    names = store.ids(connection)
    known = current_knowledge(connection, campaign)
    entries = suspected(known, names) if (known.state.labels >= 0).any() else []
    doubted = {entry["id"]: [entry[part] for part in ("implied", "doubt", "mass")] for entry in entries}
    sources = _sources(known)
    header = [*COLUMNS, *(f"probability_{name}" for name in known.state.classes)]
    write_table(path, header, _rows(known, names, sources, doubted))
    given, propagated, unreached = (int((sources == code).sum()) for code in range(len(SOURCES)))
    return ExportedLabels(path, len(names), given, propagated, unreached, len(doubted))


def _sources(known: Knowledge) -> Int[np.ndarray, " n"]:
    reached = np.where(known.propagated.reach > 0, SOURCES.index(PROPAGATED), SOURCES.index(UNREACHED))
    return np.where(known.state.labels >= 0, SOURCES.index(GIVEN), reached)


def _rows(
    known: Knowledge, names: Sequence[str], sources: Int[np.ndarray, " n"], doubted: Mapping[str, list[Any]]
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
            *doubted.get(name, ["", "", ""]),
            *map(shortest, probabilities[row]),
        ]
