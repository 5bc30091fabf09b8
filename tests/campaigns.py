"""Small campaigns for tests: one pool, one size of batch, so that all share what they compile."""

import csv
import os
import shutil

import numpy as np

from ddal_jax.campaign import Campaign, store

NUM_POINTS, BATCH = 40, 4
FEATURES = np.random.default_rng(0).normal(size=(NUM_POINTS, 3)).astype(np.float32)
CLASSES = ("a", "b")


def write_pool(folder, features=FEATURES):
    np.save(folder / "pool.npy", features)
    return folder / "pool.npy"


def begin(folder, **how):
    return Campaign.init(write_pool(folder), folder / "campaign", **how)


def write_labels(path, rows, header=("id", "label")):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_text(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def label(campaign, rows, name="labels.csv", header=("id", "label")):
    """Takes in labels by way of a file."""
    return campaign.ingest(write_labels(campaign.folder.parent / name, rows, header))


def may_be_asked(campaign):
    """Ids that the next round may ask."""
    from ddal_jax.campaign.knowledge import current_state  # imports JAX, which workers that only ingest do without

    with store.opened(campaign.folder) as connection:
        return [str(row) for row in np.flatnonzero(current_state(connection).eligible)]


def classes_of(campaign):
    """Names of the classes so far."""
    from ddal_jax.campaign.knowledge import current_state

    with store.opened(campaign.folder) as connection:
        return current_state(connection).classes


def truth(name):
    return CLASSES[int(name) % 2]


def answers(queries):
    return [(query["id"], truth(query["id"])) for query in queries]


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def standing(campaign):
    """What the log says now, told apart from the package: the last entry of each annotator on each id."""
    import sqlite3

    found = {}
    with sqlite3.connect(campaign.folder / "campaign.sqlite") as connection:
        for name, annotator, action, label in connection.execute("SELECT id, annotator, action, label FROM labels"):
            found[name, annotator] = label if action == "set" else action
    connection.close()
    return {key: value for key, value in found.items() if value != "unset"}


def ids_of(asked):
    """The points of a round, in order."""
    return [query["id"] for query in asked.queries]


def snapshots(campaign, monkeypatch, act):
    """Returns copies of the campaign as it lay on the disk before and after each step that reaches the disk."""
    copies = []

    def stop():
        target = campaign.folder.with_name(f"copy{len(copies)}")
        shutil.copytree(campaign.folder, target)
        copies.append(target)

    def watched(function):
        def step(*given, **named):
            stop()
            found = function(*given, **named)
            stop()
            return found

        return step

    with monkeypatch.context() as patch:
        for owner, name in ((os, "fsync"), (os, "rename"), (os, "replace"), (store, "add_round"), (store, "_add_act")):
            patch.setattr(owner, name, watched(getattr(owner, name)))
        act()
    stop()
    return copies
