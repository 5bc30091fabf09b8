"""The record only grows, several commands may write at once, and whatever moment one dies at, the next goes on."""

import errno
import os
import shutil
import sqlite3
import threading

import pytest
from campaigns import BATCH, CLASSES, NUM_POINTS, answers, begin, standing, write_labels

from ddal_jax.campaign import Campaign, folders, rounds, store


@pytest.fixture
def campaign(tmp_path):
    return begin(tmp_path, classes=CLASSES)


def _ids(asked):
    return [query["id"] for query in asked.queries]


def _folders(campaign):
    return sorted(path.name for path in (campaign.folder / "rounds").iterdir())


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
    ],
)
def test_nobody_changes_what_is_recorded(campaign, tmp_path, statement):
    campaign.next(BATCH)
    campaign.ingest(write_labels(tmp_path / "labels.csv", [("1", "a")]))
    connection = sqlite3.connect(campaign.folder / store.DATABASE)

    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        connection.execute(statement)

    connection.close()
    assert standing(campaign) == {("1", ""): "a"}


def test_the_record_is_synchronised_fully_behind_a_write_ahead_log(campaign):
    with store.opened(campaign.folder) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def _snapshots(campaign, monkeypatch, act):
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


def test_killed_at_any_step_of_next_no_half_round_is_accepted_and_the_next_command_goes_on(campaign, monkeypatch):
    uninterrupted = []
    copies = _snapshots(campaign, monkeypatch, lambda: uninterrupted.append(campaign.next(BATCH)))

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
            assert _ids(found.next(BATCH)) == _ids(uninterrupted[0])
    assert unrecorded >= 10
    assert unrecorded < len(copies)


def test_killed_at_any_step_of_ingest_all_of_the_file_is_there_or_nothing(campaign, monkeypatch, tmp_path):
    path = write_labels(tmp_path / "labels.csv", [(str(row), "a") for row in range(20)])

    copies = _snapshots(campaign, monkeypatch, lambda: campaign.ingest(path))

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
        with pytest.raises(ValueError, match="-o must not overwrite what the campaign stands on"):
            write(path)
        with pytest.raises(ValueError, match="-o must name a file; .* is a folder"):
            write(campaign.folder)

    assert before is None or path.read_bytes() == before


def test_rounds_that_lead_out_of_the_campaign_are_refused(campaign, tmp_path):
    shutil.move(campaign.folder / "rounds", tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "001").mkdir()
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
    assert campaign.replay(1).replayed == _ids(first)
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
    assert len({name for one in every for name in _ids(one)}) == 3 * BATCH


def test_labels_that_come_while_a_round_is_computed_do_not_belong_to_it(campaign, monkeypatch, tmp_path):
    compute = rounds._batch

    def meanwhile(*given, **named):
        monkeypatch.setattr(rounds, "_batch", compute)
        campaign.ingest(write_labels(tmp_path / "labels.csv", [("1", "a")]))
        return compute(*given, **named)

    monkeypatch.setattr(rounds, "_batch", meanwhile)
    asked = campaign.next(BATCH)

    assert standing(campaign) == {("1", ""): "a"}
    assert campaign.replay(1).replayed == _ids(asked)


def test_what_a_killed_init_left_is_no_campaign_and_the_next_one_clears_it(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(folders, "finish", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
        patch.setattr(shutil, "rmtree", lambda *given, **named: None)
        with pytest.raises(KeyboardInterrupt):
            begin(tmp_path)
    assert len(list(tmp_path.glob(".campaign.*.unfinished"))) == 1
    with pytest.raises(ValueError, match=r"must name a campaign's folder, .* has no campaign\.sqlite"):
        Campaign(tmp_path / "campaign")

    begin(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["campaign", "pool.npy"]


def test_a_campaign_is_not_begun_over_another_or_over_files(campaign, tmp_path):
    with pytest.raises(ValueError, match="new or empty"):
        begin(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("precious")
    with pytest.raises(ValueError, match="new or empty"):
        Campaign.init(tmp_path / "pool.npy", tmp_path / "mine")
    (tmp_path / "empty").mkdir()
    assert Campaign.init(tmp_path / "pool.npy", tmp_path / "empty").about()["pool"] == NUM_POINTS


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
