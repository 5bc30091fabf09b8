"""kill -9 at random moments of `init`, `ingest` and `next`, disks that fill up, commands at once: in real processes."""

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest
import small_disks
from campaigns import CLASSES, read_csv, standing, truth, write_labels
from processes import TESTS

from ddal_jax.campaign import Campaign

NUM_POINTS = 4000
# A turn of the worker takes some 0.1 s, so that any moment of it can be hit.
LONGEST_WAIT = 0.4


def _ddal(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "ddal_jax", *map(str, words)],
        cwd=cwd, capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
    )  # fmt: skip


@pytest.fixture
def campaign(tmp_path):
    features = np.random.default_rng(0).normal(size=(NUM_POINTS, 2)).astype(np.float32)
    np.save(tmp_path / "pool.npy", features)
    return Campaign.init(tmp_path / "pool.npy", tmp_path / "campaign", classes=CLASSES)


class _Workers:
    """Starts workers, the next one always a step ahead, so that it warms up while another one is at work."""

    def __init__(self, script, *words):
        self._command = [sys.executable, TESTS / script, *words]
        self._number = 0
        self._next = self._start()

    def _start(self):
        self._number += 1000
        return subprocess.Popen(
            [*map(str, self._command), str(self._number)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
        )  # fmt: skip

    def kill_one_at_random(self, chance):
        """Lets a worker work for some time, kills it, and returns what it had said by then."""
        worker, self._next = self._next, self._start()
        while worker.stdout.readline() != "ready\n":
            assert worker.poll() is None
        worker.stdin.write("go\n")
        worker.stdin.flush()
        time.sleep(chance.uniform(0, LONGEST_WAIT))
        worker.send_signal(signal.SIGKILL)
        lines = worker.stdout.read().splitlines(keepends=True)
        _end(worker)
        assert worker.returncode == -signal.SIGKILL
        return [line.split() for line in lines if line.endswith("\n")]

    def __enter__(self):
        return self

    def __exit__(self, *what_happened):
        self._next.kill()
        _end(self._next)


def _end(worker):
    worker.wait()
    worker.stdin.close()
    worker.stdout.close()


def _check_record(campaign):
    """Every ingest is whole, every recorded round has its folder as it was written, and nothing else lies there."""
    rounds = campaign.about()["rounds"]  # any command puts right what a killed one left
    with sqlite3.connect(campaign.folder / "campaign.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        recorded = connection.execute("SELECT number, digest FROM rounds ORDER BY number").fetchall()
        queried = connection.execute(
            "SELECT round, id FROM queries JOIN points USING (row) ORDER BY round, rank"
        ).fetchall()
        sources = connection.execute(
            "SELECT source, count(*) FROM acts JOIN log ON act = number GROUP BY number"
        ).fetchall()
    connection.close()
    assert [number for number, _ in recorded] == list(range(1, rounds + 1))
    folders = sorted(path for path in campaign.folder.glob("rounds/*") if "unrecorded" not in path.name)
    assert [folder.name for folder in folders] == [f"{number:03d}" for number, _ in recorded]
    for folder, (number, digest) in zip(folders, recorded, strict=True):
        assert sorted(path.name for path in folder.iterdir()) == ["config.json", "queries.csv", "queries.jsonl"]
        assert hashlib.sha256((folder / "queries.csv").read_bytes()).hexdigest() == digest
        assert json.loads((folder / "config.json").read_text())["round"] == number
    written = [(int(folder.name), row["id"]) for folder in folders for row in read_csv(folder / "queries.csv")]
    assert written == queried
    assert not [path.name for path in campaign.folder.iterdir() if "unfinished" in path.name]
    return dict(sources), rounds


@pytest.mark.parametrize(
    ("num_kills", "with_next"),
    [
        pytest.param(3, False, id="3 of ingest"),
        pytest.param(100, False, id="100 of ingest", marks=pytest.mark.slow),
        pytest.param(100, True, id="100 of next and ingest", marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_moment_no_label_is_lost_and_no_half_round_accepted(campaign, tmp_path, num_kills, with_next):
    (tmp_path / "labels").mkdir()
    scratch = Campaign.init(tmp_path / "pool.npy", tmp_path / "scratch", classes=CLASSES).folder if with_next else ""
    chance = random.Random(0)
    handed_in, last_asked = {}, 0

    with _Workers("campaign_worker.py", campaign.folder, scratch, tmp_path / "labels") as workers:
        for _ in range(num_kills):
            for kind, number in workers.kill_one_at_random(chance):
                if kind == "ingested":
                    rows = read_csv(tmp_path / "labels" / f"{number}.csv")
                    handed_in |= {(row["id"], row["annotator"]): row["label"] for row in rows}
                else:
                    last_asked = int(number)
            sources, rounds = _check_record(campaign)
            assert rounds >= last_asked
            assert handed_in.items() <= standing(campaign).items()
            for name, count in sources.items():
                assert count == len(read_csv(tmp_path / "labels" / name))

    assert handed_in
    if with_next:
        assert last_asked > 0
        assert all(campaign.replay(number).same for number in {1, rounds // 2, rounds})


@pytest.mark.slow
def test_killed_at_any_moment_of_init_a_campaign_is_whole_or_none_and_can_be_begun(campaign, tmp_path):
    pool, home, chance = tmp_path / "pool.npy", tmp_path / "many", random.Random(0)
    labels = write_labels(tmp_path / "labels.csv", [(row, truth(row)) for row in range(NUM_POINTS)])
    home.mkdir()
    begun, unfinished = set(), 0

    with _Workers("init_worker.py", pool, labels, home) as workers:
        for _ in range(40):
            begun |= {words[1] for words in workers.kill_one_at_random(chance) if words[0] == "begun"}

    for folder in sorted(home.iterdir()):
        whole = (folder / "campaign.sqlite").exists()
        assert whole or folder.name not in begun
        unfinished += not whole
        found = Campaign(folder) if whole else Campaign.init(pool, folder, labels=labels)
        assert len(standing(found)) == NUM_POINTS
        _check_record(found)
        assert [path.name for path in folder.iterdir()] == ["campaign.sqlite"]
    assert begun
    assert unfinished


@pytest.mark.slow
def test_processes_that_ingest_at_once_do_not_corrupt_the_record(campaign, tmp_path):
    header = ("id", "label", "annotator")
    words = [sys.executable, "-m", "ddal_jax", "ingest", "-c", str(campaign.folder)]
    names = [f"annotator{number}" for number in range(8)]
    paths = [
        write_labels(tmp_path / f"{name}.csv", [(row, truth(row), name) for row in range(NUM_POINTS)], header)
        for name in names
    ]

    running = [subprocess.Popen([*words, str(path)], cwd=TESTS.parent, stdout=subprocess.DEVNULL) for path in paths]
    codes = [process.wait() for process in running]

    assert codes == [0] * len(paths)
    assert set(_check_record(campaign)[0].values()) == {NUM_POINTS}
    assert len(standing(campaign)) == len(paths) * NUM_POINTS


@pytest.fixture
def small_disk(tmp_path):
    with small_disks.mounted(tmp_path / "disk") as folder:
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("leave", [0, 4096, 16384, 65536, 131072])
def test_a_full_disk_loses_nothing_and_says_so(small_disk, tmp_path, leave):
    features = np.random.default_rng(0).normal(size=(1000, 2)).astype(np.float32)
    np.save(tmp_path / "pool.npy", features)
    campaign = Campaign.init(tmp_path / "pool.npy", small_disk / "campaign", classes=CLASSES)
    first = _ddal("next", "-n", 5, "-c", campaign.folder, "--json", cwd=tmp_path)
    rows = [(query["id"], truth(query["id"])) for query in json.loads(first.stdout)["queries"]]
    campaign.ingest(write_labels(tmp_path / "first.csv", rows))
    before = standing(campaign)
    many = write_labels(tmp_path / "many.csv", [(row, truth(row)) for row in range(1000)])
    campaign.folder.joinpath("graph.npz").unlink()
    commands = [("ingest", many), ("next", "-n", 400, "--num-rediffusions", 1)]

    with small_disks.filled(small_disk, leave=leave):
        full = [_ddal(*words, "-c", campaign.folder, cwd=tmp_path) for words in commands]

    for done in full:
        if done.returncode:
            assert done.returncode == 1
            assert "Nothing was lost" in done.stderr, done.stderr
    assert any(done.returncode for done in full)
    sources, rounds = _check_record(campaign)
    after = standing(campaign)
    assert {key: after[key] for key in before} == before
    assert rounds == 1 + (full[1].returncode == 0)
    assert ("many.csv" in sources) == (full[0].returncode == 0)
    assert _ddal(*commands[0], "-c", campaign.folder, cwd=tmp_path).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("leave", [0, 16384])
def test_an_undo_on_a_full_disk_loses_nothing_and_can_be_done_later(small_disk, campaign, tmp_path, leave):
    there = Campaign.init(tmp_path / "pool.npy", small_disk / "campaign", classes=CLASSES)
    there.ingest(write_labels(tmp_path / "many.csv", [(row, truth(row)) for row in range(1000)]))
    before = standing(there)

    with small_disks.filled(small_disk, leave=leave):
        full = _ddal("undo", "-c", there.folder, cwd=tmp_path)

    assert full.returncode == 1
    assert "the disk is full" in full.stderr
    assert "Nothing was lost" in full.stderr
    assert standing(there) == before
    assert _ddal("undo", "-c", there.folder, cwd=tmp_path).returncode == 0
    assert standing(there) == {}


@pytest.mark.slow
def test_a_full_disk_begins_no_campaign_and_an_empty_one_becomes_it(small_disk, campaign, tmp_path):
    labels = write_labels(tmp_path / "labels.csv", [(row, truth(row)) for row in range(NUM_POINTS)])
    words = ("init", tmp_path / "pool.npy", "--labels", labels)

    with small_disks.filled(small_disk, leave=300_000):
        full = _ddal(*words, "-c", small_disk / "new" / "campaign", cwd=tmp_path)

    assert (full.returncode, [*small_disk.iterdir()]) == (1, [])
    assert "the disk is full" in full.stderr
    assert _ddal(*words, "-c", ".", cwd=small_disk).returncode == 0
    assert len(standing(Campaign(small_disk))) == NUM_POINTS


@pytest.mark.slow
def test_a_campaign_that_may_not_be_written_says_so_and_loses_nothing(small_disk, campaign, tmp_path):
    there = Campaign.init(tmp_path / "pool.npy", small_disk / "campaign", classes=CLASSES)
    there.ingest(write_labels(tmp_path / "first.csv", [("1", "a")]))
    labels = write_labels(tmp_path / "labels.csv", [("2", "b")])
    before = standing(there)

    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    commands = [("ingest", labels), ("status",), ("undo",), ("next", "-n", 2)]
    done = [_ddal(*words, "-c", there.folder, cwd=tmp_path) for words in commands]
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)

    for one in done:
        assert (one.returncode, one.stdout) == (1, "")
        assert "its folder must be writable" in one.stderr
        assert "Traceback" not in one.stderr
    assert standing(there) == before
    assert there.ingest(labels).new == 1
