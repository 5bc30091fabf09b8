"""Against a real server: its own words decide what our files must look like."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import labelstudio_server
import numpy as np
import pytest

from ddal_jax.adapters.labelstudio import Annotation, labeling_config, read_annotations, tasks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        labelstudio_server.executable() is None,
        reason=f"no label-studio on the PATH; {labelstudio_server.VARIABLE} may name it",
    ),
]

FOX = 'dog & "fox"'
CLASSES = ["cat", FOX, "ünï"]
# By rank: the last is never labelled.
PREDICTED = {"a1": "cat", "00017": FOX, 'x,y"z': None, "é </Text> 4": "cat", "5": "ünï", "6": "cat", "7": None}
QUERIES = [
    {"rank": rank, "id": name, "score": -1 / rank, "reason": "boundary" if predicted else "unexplored",
     "predicted": predicted, "runner_up": "cat", "reach": 0.25, "hops": 2, "newly_reached": 3}
    for rank, (name, predicted) in enumerate(PREDICTED.items(), start=1)
]  # fmt: skip


def _choose(*classes):
    return [{"from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": list(classes)}}]


class Project:
    """A project in which our batch is labelled by two people: some tasks, a skip, an empty answer, a second thought."""

    def __init__(self, server):
        self.server = server
        # One person may get the other's word recorded only if the other exists.
        other = {"email": "second@example.org", "password": "nor-is-this-one", "username": "second"}
        self.second = server.call("POST", "/api/users/", other)["id"]
        settings = {"title": "pool", "label_config": labeling_config(CLASSES), "sampling": "Uncertainty sampling"}
        self.number = server.call("POST", "/api/projects", settings)["id"]
        imported = tasks(QUERIES, model_version="ddal round 1")[::-1]  # the order of the file must not matter
        self.told = server.call("POST", f"/api/projects/{self.number}/import", imported)
        self.tasks = server.call("GET", f"/api/tasks?project={self.number}&fields=all")["tasks"]
        self.numbers = {task["data"]["pool_id"]: task["id"] for task in self.tasks}

    def annotate(self, name, result, **fields):
        path = f"/api/tasks/{self.numbers[name]}/annotations/"
        return self.server.call("POST", path, {"result": result, "lead_time": 1.5, **fields})

    def label_as_served(self):
        """Labels all tasks but the last in the order in which the server hands them out, which it returns."""
        answers = [
            (_choose("cat"), {}), (_choose(FOX), {}), (_choose("ünï"), {}), ([], {"was_cancelled": True}), ([], {}),
            (_choose("cat"), {"was_cancelled": True}),
        ]  # fmt: skip
        served = []
        for result, fields in answers:
            task = self.server.call("GET", f"/api/projects/{self.number}/next")
            served.append(task["data"]["pool_id"])
            self.annotate(served[-1], result, **fields)
        return served

    def export(self, kind, folder):
        path = folder / f"export.{kind.lower()}"
        path.write_bytes(self.server.raw("GET", f"/api/projects/{self.number}/export?exportType={kind}"))
        return path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with labelstudio_server.running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def project(server):
    return Project(server)


@pytest.fixture(scope="module")
def served(project):
    order = project.label_as_served()
    project.annotate("a1", _choose(FOX), completed_by=project.second)
    project.annotate("6", _choose(FOX))
    return order


def test_the_server_takes_every_task_with_its_prediction(project):
    assert project.told["task_count"] == project.told["prediction_count"] == len(QUERIES)
    for query, task in zip(QUERIES, project.tasks[::-1], strict=True):
        (prediction,) = task["predictions"]
        assert task["data"]["reason"] == query["reason"]
        assert prediction["score"] == pytest.approx(
            query["rank"] / len(QUERIES), rel=1e-6
        )  # kept in a column of floats
        assert prediction["result"] == (_choose(query["predicted"]) if query["predicted"] else [])


def test_the_server_hands_the_batch_out_by_rank(served):
    assert served == [query["id"] for query in QUERIES[:6]]


def test_json_brings_labels_skips_and_both_annotators(project, served, tmp_path):
    found = read_annotations(project.export("JSON", tmp_path))

    first, second = "1", str(project.second)
    expected = {
        ("a1", "cat", first, "set"), ("a1", FOX, second, "set"), ("00017", FOX, first, "set"),
        ('x,y"z', "ünï", first, "set"), ("é </Text> 4", "", first, "ignore"), ("6", FOX, first, "set"),
    }  # fmt: skip
    assert set(found) == expected
    assert len(found) == len(expected)
    assert all(isinstance(vote, Annotation) for vote in found)


@pytest.mark.parametrize("kind", ["JSON_MIN", "CSV", "TSV"])
def test_the_other_exports_bring_the_same_labels_without_skips(project, served, tmp_path, kind):
    everything = read_annotations(project.export("JSON", tmp_path))

    found = read_annotations(project.export(kind, tmp_path))

    assert set(found) == {vote for vote in everything if vote.action == "set"}


def test_the_committed_exports_read_as_fresh_ones_do(project, served, tmp_path):
    kept = Path(__file__).parent / "data" / "labelstudio"
    if os.environ.get("DDAL_JAX_KEEP_EXPORTS"):
        for kind in ("JSON", "JSON_MIN", "CSV", "TSV"):
            (kept / f"export.{kind.lower()}").write_bytes(project.export(kind, tmp_path).read_bytes())

    for kind in ("JSON", "JSON_MIN", "CSV", "TSV"):
        assert read_annotations(kept / f"export.{kind.lower()}") == read_annotations(project.export(kind, tmp_path))


def _ddal(folder, *words):
    done = subprocess.run([sys.executable, "-m", "ddal_jax", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_round_goes_to_the_server_and_its_labels_come_back(server, tmp_path):
    np.save(tmp_path / "pool.npy", np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32))
    _ddal(tmp_path, "init", "pool.npy", "--classes", "cat,dog")
    _ddal(tmp_path, "next", "-n", "6")
    (tmp_path / "texts.csv").write_text("id,what it says\n" + "".join(f"{row},text {row}\n" for row in range(60)))
    _ddal(tmp_path, "export", "--format", "labelstudio", "-o", "tasks.json", "--fields", "texts.csv")
    settings = {
        "title": "campaign",
        "label_config": (tmp_path / "labeling_config.xml").read_text(),
        "sampling": "Uncertainty sampling",
    }
    number = server.call("POST", "/api/projects", settings)["id"]
    server.call("POST", f"/api/projects/{number}/import", json.loads((tmp_path / "tasks.json").read_text()))
    served = []

    for turn in range(6):
        task = server.call("GET", f"/api/projects/{number}/next")
        served.append(task["data"]["pool_id"])
        assert task["data"]["what it says"] == f"text {served[-1]}"
        answer = {"result": [], "was_cancelled": True} if turn == 5 else {"result": _choose(["cat", "dog"][turn % 2])}
        server.call("POST", f"/api/tasks/{task['id']}/annotations/", answer)
    (tmp_path / "labels.json").write_bytes(server.raw("GET", f"/api/projects/{number}/export?exportType=JSON"))
    _ddal(tmp_path, "ingest", "labels.json")

    first, second = (tmp_path / "campaign" / "rounds" / name / "queries.csv" for name in ("001", "002"))
    with first.open(newline="") as file:
        assert served == [row["id"] for row in csv.DictReader(file)]
    status = json.loads(_ddal(tmp_path, "status", "--json"))
    assert (status["labeled"], status["ignored"], status["classes"]) == (5, 1, ["cat", "dog"])
    _ddal(tmp_path, "next", "-n", "6")
    with second.open(newline="") as file:
        assert not {row["id"] for row in csv.DictReader(file)} & set(served)
