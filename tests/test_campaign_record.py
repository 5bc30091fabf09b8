"""The record only grows, several commands may write at once, and whatever moment one dies at, the next goes on."""

import errno
import os
import shutil
import sqlite3
import threading

import pytest
from campaigns import BATCH, CLASSES, NUM_POINTS, answers, begin, ids_of, snapshots, standing, write_labels

from ddal_jax.campaign import Campaign, batches, rounds, store


@pytest.fixture
def campaign(tmp_path):
    return begin(tmp_path, classes=CLASSES)


def _folders(campaign):
    return sorted(path.name for path in campaign.folder.glob("rounds/*"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log SET label = 'b'",
        "DELETE FROM log",
        "INSERT OR REPLACE INTO log VALUES (1, 1, 1, '', 'set', 'b', '')",
        "REPLACE INTO log SELECT position, act, row, annotator, action, 'b', time FROM log",
        "UPDATE points SET id = 'x' WHERE row = 0",
        "DELETE FROM rounds",
        "DELETE FROM acts",
        "UPDATE facts SET value = '1' WHERE name = 'seed'",
        "INSERT OR REPLACE INTO facts VALUES ('seed', '1')",
        "INSERT INTO facts VALUES ('seed', '1') ON CONFLICT DO UPDATE SET value = '1'",
        "INSERT OR REPLACE INTO points VALUES (1, 'x')",
        "INSERT OR REPLACE INTO points VALUES (99, '1')",
        "INSERT OR REPLACE INTO points (rowid, id) VALUES (1, 'x')",
        "REPLACE INTO acts SELECT number, kind, undone, 'other.csv', digest, time FROM acts",
        "REPLACE INTO acts SELECT 99, kind, undone, source, digest, time FROM acts WHERE kind = 'undo'",
        "REPLACE INTO rounds SELECT number, position, config, 'x', time FROM rounds",
        "REPLACE INTO queries SELECT round, rank, 39 - row FROM queries",
        "UPDATE OR REPLACE queries SET row = 0",
    ],
)
def test_nobody_changes_what_is_recorded(campaign, tmp_path, statement):
    campaign.next(BATCH)
    for name in ("undone", "labels"):
        campaign.ingest(write_labels(tmp_path / f"{name}.csv", [("1", "a")]))
        campaign.undo() if name == "undone" else None
    connection = sqlite3.connect(campaign.folder / store.DATABASE)
    before = list(connection.iterdump())

    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        connection.execute(statement)

    assert list(connection.iterdump()) == before
    connection.close()


@pytest.mark.parametrize("table", ["facts", "queries"])
def test_no_table_has_a_rowid_that_its_guards_do_not_know(campaign, table):
    connection = sqlite3.connect(campaign.folder / store.DATABASE)

    with pytest.raises(sqlite3.OperationalError, match="no such column: rowid"):
        connection.execute(f"SELECT rowid FROM {table}")

    connection.close()


def test_the_record_is_synchronised_fully_behind_a_write_ahead_log(campaign):
    with store.opened(campaign.folder) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_killed_at_any_step_of_next_no_half_round_is_accepted_and_the_next_command_goes_on(campaign, monkeypatch):
    uninterrupted = []
    copies = snapshots(campaign, monkeypatch, lambda: uninterrupted.append(campaign.next(BATCH)))

    unrecorded = 0
    for copy in copies:
        found = Campaign(copy)
        recorded = found.about()["rounds"]
        assert _folders(found) in ([["001"], ["001"]] if recorded else [[], ["001.unrecorded"]])
        assert [path.name for path in copy.iterdir() if "unfinished" in path.name] == []
        unrecorded += not recorded
        if recorded:
            assert found.replay(1).same
        else:
            assert ids_of(found.next(BATCH)) == ids_of(uninterrupted[0])
    assert unrecorded >= 10
    assert unrecorded < len(copies)


def test_killed_at_any_step_of_ingest_all_of_the_file_is_there_or_nothing(campaign, monkeypatch, tmp_path):
    path = write_labels(tmp_path / "labels.csv", [(str(row), "a") for row in range(20)])

    copies = snapshots(campaign, monkeypatch, lambda: campaign.ingest(path))

    counts = [len(standing(Campaign(copy))) for copy in copies]
    assert counts == [0, 0, 20]
    assert [Campaign(copy).ingest(path).new for copy in copies] == [20, 20, 0]


def test_a_folder_without_a_record_is_put_aside_with_what_is_in_it(campaign):
    asked = campaign.next(BATCH)
    rounds = campaign.folder / "rounds"
    for _ in range(2):
        shutil.copytree(asked.folder, rounds / "002")
        (rounds / "002" / "queries.csv").write_text("id,label\n3,a\n")
        campaign.about()
    shutil.copytree(asked.folder, rounds / ".003.unfinished")
    (rounds / "notes").mkdir()
    (campaign.folder / "graph.npz.77.unfinished").write_bytes(b"half")

    campaign.about()

    assert _folders(campaign) == ["001", "002.unrecorded", "002.unrecorded1", "notes"]
    assert campaign.ingest(rounds / "002.unrecorded" / "queries.csv").new == 1
    assert sorted(path.name for path in campaign.folder.iterdir()) == ["campaign.sqlite", "graph.npz", "rounds"]
    (rounds / "002").write_text("precious")
    with pytest.raises(ValueError, match="002 is no round of this campaign; move it elsewhere"):
        campaign.next(BATCH)
    assert (rounds / "002").read_text() == "precious"


@pytest.mark.parametrize("place", ["campaign.sqlite", "campaign.sqlite-wal", "graph.npz", "rounds/001/queries.csv"])
def test_what_the_campaign_stands_on_is_not_overwritten(campaign, place):
    campaign.next(BATCH)
    path = campaign.folder / place
    before = path.read_bytes() if path.exists() else None

    for write in (campaign.export, campaign.map):
        with pytest.raises(ValueError, match="path must not overwrite what the campaign stands on"):
            write(path)
        with pytest.raises(ValueError, match="^path must name a file; .* is a folder"):
            write(campaign.folder)

    assert before is None or path.read_bytes() == before


def test_rounds_that_lead_out_of_the_campaign_are_refused(campaign, tmp_path):
    (tmp_path / "elsewhere" / "001").mkdir(parents=True)
    (campaign.folder / "rounds").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ValueError, match="leads out of it"):
        campaign.next(BATCH)

    assert (tmp_path / "elsewhere" / "001").is_dir()


def test_a_round_whose_folder_is_gone_is_told(campaign):
    shutil.rmtree(campaign.next(BATCH).folder)

    assert campaign.status()["missing_rounds"] == [1]
    assert not campaign.replay(1).file_unchanged
    assert campaign.next(BATCH).number == 2


@pytest.mark.parametrize("step", ["fsync", "rename", "mkdir"])
def test_a_full_disk_records_no_round_and_the_next_command_goes_on(campaign, monkeypatch, step):
    first = campaign.next(BATCH)

    def full(*given, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(OSError, match="No space left"):
            campaign.next(BATCH)

    assert campaign.about()["rounds"] == 1
    assert _folders(campaign) == ["001"]
    assert campaign.replay(1).replayed == ids_of(first)
    assert campaign.next(BATCH).number == 2


def test_a_record_that_cannot_grow_says_so_and_loses_nothing(monkeypatch, tmp_path):
    campaign = begin(tmp_path)
    path = write_labels(tmp_path / "labels.csv", [(str(row), "a" * 2000) for row in range(NUM_POINTS)])
    connect = store._connected

    def small(where, *, mode):
        connection = connect(where, mode=mode)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(store, "_connected", small)
        with pytest.raises(OSError, match=r"the disk is full \(.*\)\. Nothing was lost or half written; make room"):
            campaign.ingest(path)

    assert standing(campaign) == {}
    assert campaign.ingest(path).new == NUM_POINTS


def test_ingests_at_once_all_arrive_whole(campaign, tmp_path):
    header = ("id", "label", "annotator")
    paths = [
        write_labels(tmp_path / f"{name}.csv", [(row, "a", name) for row in range(NUM_POINTS)], header)
        for name in "pqrstu"
    ]
    found, gate = [], threading.Barrier(len(paths))

    def ingest(path):
        gate.wait()
        found.append(Campaign(campaign.folder).ingest(path))

    threads = [threading.Thread(target=ingest, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.ingest for one in found) == [1, 2, 3, 4, 5, 6]
    assert len(standing(campaign)) == len(paths) * NUM_POINTS
    with sqlite3.connect(campaign.folder / store.DATABASE) as connection:
        acts = connection.execute("SELECT act, count(DISTINCT annotator), count(*) FROM log GROUP BY act").fetchall()
    connection.close()
    assert acts == [(act, 1, NUM_POINTS) for act in range(1, 7)]


def test_a_round_asked_meanwhile_by_another_command_is_not_asked_again(campaign, monkeypatch):
    first = campaign.next(BATCH)
    record, others = rounds._record, []

    def interrupted(*given):
        monkeypatch.setattr(rounds, "_record", record)
        others.append(campaign.next(BATCH))
        return record(*given)

    monkeypatch.setattr(rounds, "_record", interrupted)
    asked = campaign.next(BATCH)

    every = [first, *others, asked]
    assert [one.number for one in every] == [1, 2, 3]
    assert len({name for one in every for name in ids_of(one)}) == 3 * BATCH


def test_labels_that_come_while_a_round_is_computed_do_not_belong_to_it(campaign, monkeypatch, tmp_path):
    compute = batches.pick

    def meanwhile(*given, **named):
        monkeypatch.setattr(batches, "pick", compute)
        campaign.ingest(write_labels(tmp_path / "labels.csv", [("1", "a")]))
        return compute(*given, **named)

    monkeypatch.setattr(batches, "pick", meanwhile)
    asked = campaign.next(BATCH)

    assert standing(campaign) == {("1", ""): "a"}
    assert campaign.replay(1).replayed == ids_of(asked)


def test_a_record_that_may_not_be_written_says_so_and_loses_nothing(campaign, monkeypatch, tmp_path):
    campaign.ingest(write_labels(tmp_path / "first.csv", [("1", "a")]))
    path, connect = write_labels(tmp_path / "labels.csv", [("2", "b")]), store._connected

    with monkeypatch.context() as patch:
        patch.setattr(store, "_connected", lambda where, *, mode: connect(where, mode="ro"))
        for act in (lambda: campaign.ingest(path), campaign.undo):
            with pytest.raises(
                OSError, match=r"campaign\.sqlite: its folder must be writable.*Nothing was lost; allow"
            ):
                act()

    assert standing(campaign) == {("1", ""): "a"}
    assert campaign.ingest(path).new == 1


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_what_is_no_record_is_refused(tmp_path, content):
    (tmp_path / store.DATABASE).write_bytes(content)

    with pytest.raises(ValueError, match=r"campaign\.sqlite is no campaign's record"):
        Campaign(tmp_path)


def test_a_record_of_a_later_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FORMAT", 2)
    begin_later = begin(tmp_path)
    monkeypatch.setattr(store, "FORMAT", 1)

    with pytest.raises(ValueError, match="must have format 1; got 2"):
        begin_later.about()


def test_answers_to_a_round_are_taken_from_its_own_file_with_a_column_added(campaign):
    asked = campaign.next(BATCH)
    lines = (asked.folder / "queries.csv").read_text().splitlines()
    labelled = [
        lines[0] + ",label",
        *(f"{line},{label}" for line, (_, label) in zip(lines[1:], answers(asked.queries), strict=True)),
    ]
    path = campaign.folder.parent / "labelled.csv"
    path.write_text("\n".join(labelled))

    assert campaign.ingest(path).new == BATCH
