"""What a campaign leaves: a table with the label of every point, given or propagated, or tasks for a labelling tool."""

import csv
import io
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ddal_jax.adapters import labelstudio
from ddal_jax.campaign import store
from ddal_jax.campaign.errors import NothingLeft
from ddal_jax.campaign.knowledge import Knowledge, current_knowledge
from ddal_jax.campaign.reports import suspected
from ddal_jax.campaign.rounds import read_queries, shortest
from ddal_jax.disk import whole

GIVEN, PROPAGATED, UNREACHED = SOURCES = ("given", "propagated", "unreached")
COLUMNS = (
    "id", "label", "source", "predicted", "reach", "hops", "nearest_labeled_id", "ignored", "tied", "suspect"
)  # fmt: skip


class Exported(NamedTuple):
    """What was written.

    Attributes:
      path: of the file.
      rows: in it.
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


def export_table(connection: sqlite3.Connection, campaign: Path, path: Path) -> Exported:
    """Writes a row for each point of the pool, as CSV.

    `label` is what was given; `predicted` is the class that labels reaching the point say, and empty where none does;
    `probability_CLASS` are diffused probabilities, all alike where no label reaches. `source` says which holds.

    Raises:
      ValueError: the graph has to be built and the pool is not what it was.
      OSError: the file cannot be written.
    """
    names = store.ids(connection)
    known = current_knowledge(connection, campaign)
    doubted = {entry["id"] for entry in suspected(known, names)} if (known.state.labels >= 0).any() else set()
    sources = _sources(known)
    with whole(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*COLUMNS, *(f"probability_{name}" for name in known.state.classes)])
        writer.writerows(_rows(known, names, sources, doubted))
        text.flush()
        text.detach()
    given, propagated, unreached = (int((sources == code).sum()) for code in range(len(SOURCES)))
    return Exported(path, len(names), given, propagated, unreached, len(doubted))


def export_tasks(connection: sqlite3.Connection, campaign: Path, path: Path) -> Exported:
    """Writes the last round as tasks with predictions for Label Studio, to be imported there.

    Raises:
      NothingLeft: no round has been asked.
    """
    asked = store.rounds(connection)
    if not asked:
        raise NothingLeft("no round has been asked yet; run `ddal next` first.")
    number = asked[-1].number
    made = labelstudio.tasks(read_queries(campaign, number), model_version=f"round {number}")
    with whole(path) as file:
        file.write((json.dumps(made, indent=1, ensure_ascii=False) + "\n").encode())
    return Exported(path, len(made), 0, 0, 0, 0)


def _sources(known: Knowledge) -> np.ndarray:
    reached = np.where(known.propagated.reach > 0, SOURCES.index(PROPAGATED), SOURCES.index(UNREACHED))
    return np.where(known.state.labels >= 0, SOURCES.index(GIVEN), reached)


def _rows(known: Knowledge, names: Sequence[str], sources: np.ndarray, doubted: set[str]) -> Iterator[list[Any]]:
    state, found = known.state, known.propagated
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
            *(shortest(found.probabilities[row, code]) for code in range(len(state.classes))),
        ]
