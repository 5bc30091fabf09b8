"""What `ddal init` and `ddal ingest` tell of what they took, and of what they did not take."""

import json

import numpy as np
import pytest
from campaigns import FEATURES, NUM_POINTS, write_labels, write_pool, write_text

from ddal_jax import cli

REMEDY = " If such a word is a class, begin with all classes named: ddal init --classes.\n"


@pytest.fixture
def ddal(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder with a pool, and returns what it printed."""
    write_pool(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(*words):
        assert cli.main(list(words)) == 0
        return capsys.readouterr().out

    return run


def test_init_tells_which_labels_it_took_for_missing(ddal, tmp_path):
    write_labels(tmp_path / "known.csv", [(1, "1"), (2, "-1"), (3, "-1"), (4, "")])

    text = ddal("init", "pool.npy", "--labels", "known.csv")
    data = json.loads(ddal("init", "pool.npy", "--labels", "known.csv", "-c", "other", "--json"))

    first = "campaign: 40 points with 3 features, ids are row numbers, 1 labels, 3 lines without a label (-1)."
    assert text == f"{first}{REMEDY}Next: ddal next -n 50 -c campaign\n"
    assert (data["votes"], data["missing"], data["missing_words"], data["features"]) == (1, 3, ["-1"], None)


def test_init_tells_nothing_of_missing_labels_where_there_are_none(ddal, tmp_path):
    write_labels(tmp_path / "known.csv", [(1, "1")])

    assert "row numbers, 1 labels.\nNext" in ddal("init", "pool.npy", "--labels", "known.csv")
    assert "missing" not in json.loads(ddal("init", "pool.npy", "-c", "other", "--json"))


def test_init_tells_what_it_took_for_features(ddal, tmp_path):
    np.savez(tmp_path / "p.npz", embeddings=FEATURES, note=FEATURES)
    few = "id,f0,f1\nu,1,2\nv,3,4\n"
    many = ",".join(f"f{column}" for column in range(8)) + ",age\n" + 2 * (",".join("123456789") + "\n")

    assert "with 3 features (embeddings), ids" in ddal("init", "p.npz", "-c", "a")
    assert "with 2 features (f0, f1), ids are column id" in ddal(
        "init", str(write_text(tmp_path / "p.csv", few)), "-c", "b"
    )
    path = str(write_text(tmp_path / "q.csv", many))
    assert "with 9 features (f0, f1, f2, f3, ..., age), ids are row" in ddal("init", path, "-c", "c")
    assert json.loads(ddal("init", path, "-c", "d", "--json"))["features"][-2:] == ["f7", "age"]


def test_what_was_taken_for_missing_is_told_again_with_the_same_file(ddal, tmp_path):
    ddal("init", "pool.npy")
    write_labels(tmp_path / "labels.csv", [(row, "NA" if row else "a") for row in range(NUM_POINTS)])
    ddal("ingest", "labels.csv")

    text = ddal("ingest", "labels.csv")

    assert text == (
        f"labels.csv was taken in before, as ingest 1; nothing changed, 39 lines without a label (NA).{REMEDY}"
    )
