"""Where a campaign stands: what is labelled, what is waited for, and whether to go on."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np

from ddal_jax.campaign import folders, store
from ddal_jax.campaign.knowledge import Knowledge, current_knowledge, current_state, previously_predicted
from ddal_jax.campaign.state import State
from ddal_jax.campaign.stopping import advice
from ddal_jax.campaign.suspects import suspects

_ADVICE = ("unexplored_share", "churn", "estimated_accuracy", "accuracy_interval")


def status(connection: sqlite3.Connection, campaign: Path) -> dict[str, Any]:
    """Returns where a campaign stands, ready for JSON.

    Labels are spread with the settings of the last round, or the defaults before the first. Nothing is computed on the
    graph before there is a label.

    Returns:
      `pool`, `labeled`, `ignored`, `tied`, `outstanding` and `rounds` count; `classes` lists names, `per_class` counts
      their labels; `tied_ids` and `suspects` (id, given, implied, doubt and the mass behind it, as in
      `suspects.Suspects`; the most doubtful first) name points;
      `unexplored_share`, `churn`, `estimated_accuracy` and `accuracy_interval` are those of `stopping.Advice`, None
      while the labels cannot tell; `missing_rounds` are recorded rounds whose folder is gone.
    """
    facts, names = store.facts(connection), store.ids(connection)
    state = current_state(connection)
    report = {
        "campaign": str(campaign),
        "pool": len(names),
        "columns": facts.pool.columns,
        "ids_from": facts.pool.ids_from,
        **_counts(state),
        "tied_ids": [names[row] for row in np.flatnonzero(state.tied)],
        "rounds": len(store.rounds(connection)),
        "missing_rounds": [
            record.number
            for record in store.rounds(connection)
            if not folders.round_folder(campaign, record.number).is_dir()
        ],
    }
    if not (state.labels >= 0).any():
        return report | dict.fromkeys(_ADVICE) | {"unexplored_share": 1.0, "suspects": []}
    known = current_knowledge(connection, campaign)
    return report | _advice(connection, known) | {"suspects": suspected(known, names)}


def suspected(known: Knowledge, names: list[str]) -> list[dict[str, Any]]:
    """Returns the labelled points that the other labels contradict, the most doubtful first."""
    found = suspects(known.graph, known.state.labels, num_classes=known.state.num_classes, num_steps=known.num_steps)
    classes = known.state.classes
    return [
        {
            "id": names[row],
            "given": classes[given],
            "implied": classes[implied],
            "doubt": round(float(doubt), 6),
            "mass": round(float(mass), 6),
        }
        for row, given, implied, doubt, mass in zip(*found, strict=True)
    ]


def _counts(state: State) -> dict[str, Any]:
    known = state.labels[state.labels >= 0]
    per_class = np.bincount(known, minlength=state.num_classes)
    return {
        "labeled": len(known),
        "ignored": int(state.ignored.sum()),
        "tied": int(state.tied.sum()),
        "outstanding": int(state.outstanding.sum()),
        "classes": list(state.classes),
        "per_class": {name: int(per_class[code]) for code, name in enumerate(state.classes)},
    }


def _advice(connection: sqlite3.Connection, known: Knowledge) -> dict[str, Any]:
    found = advice(
        known.graph, known.state.labels, known.propagated,
        num_steps=known.num_steps,
        previous=previously_predicted(connection, known),
        counted=~known.state.ignored,
    )  # fmt: skip
    return {name: getattr(found, name) for name in _ADVICE}
