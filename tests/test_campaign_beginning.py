"""A campaign begins whole or not at all, in any folder that is new or empty."""

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from campaigns import CLASSES, NUM_POINTS, begin, snapshots, write_labels, write_pool

from ddal_jax.campaign import Campaign, new_folder, store


@pytest.fixture
def campaign(tmp_path):
    return begin(tmp_path, classes=CLASSES)


@pytest.mark.parametrize("there", [False, True])
def test_what_a_killed_init_left_is_no_campaign_and_the_next_one_clears_it(tmp_path, monkeypatch, there):
    folder = tmp_path / "campaign"
    if there:
        folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(new_folder, "_settle", lambda *given: (_ for _ in ()).throw(KeyboardInterrupt))
        patch.setattr(shutil, "rmtree", lambda *given, **named: None)
        with pytest.raises(KeyboardInterrupt):
            begin(tmp_path)
    assert len(list(folder.glob(".campaign-*.unfinished"))) == 1
    with pytest.raises(ValueError, match=r"must name a campaign's folder, .* has no campaign\.sqlite"):
        Campaign(folder)

    begin(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["campaign", "pool.npy"]
    assert [path.name for path in folder.iterdir()] == [store.DATABASE]


@pytest.mark.parametrize("there", [False, True])
def test_killed_at_any_step_of_init_the_campaign_is_whole_or_the_next_init_makes_it(tmp_path, monkeypatch, there):
    home = SimpleNamespace(folder=tmp_path / "home")
    (home.folder / "campaign" if there else home.folder).mkdir(parents=True)
    labels = write_labels(tmp_path / "labels.csv", [(str(row), "a") for row in range(20)])

    copies = snapshots(home, monkeypatch, lambda: begin(home.folder, labels=labels))

    begun = [(copy / "campaign" / store.DATABASE).exists() for copy in copies]
    for copy, whole in zip(copies, begun, strict=True):
        found = Campaign(copy / "campaign") if whole else begin(copy, labels=labels)
        assert found.about()["votes"] == 20
        assert [path.name for path in found.folder.iterdir()] == [store.DATABASE]
    assert sorted(begun) == begun
    assert 0 < sum(begun) < len(begun)


def test_a_campaign_is_not_begun_over_another_or_over_files(campaign, tmp_path):
    with pytest.raises(ValueError, match=r"new or empty; .* holds 'campaign\.sqlite' already"):
        begin(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("precious")
    with pytest.raises(ValueError, match="new or empty; .* holds 'notes' already"):
        Campaign.init(tmp_path / "pool.npy", tmp_path / "mine")
    for way in (tmp_path / "pool.npy", tmp_path / "pool.npy" / "x" / "y"):
        with pytest.raises(ValueError, match=r"folder must name a folder; got .*pool\.npy' is a file"):
            Campaign.init(tmp_path / "pool.npy", way)


@pytest.mark.parametrize("holds", [[], ["lost+found"]])
def test_an_empty_folder_becomes_the_campaign_even_where_it_cannot_be_renamed(tmp_path, monkeypatch, holds):
    path, home, rename = write_pool(tmp_path), tmp_path / "disk", os.rename
    for folder in [home, *(home / name for name in holds)]:
        folder.mkdir()

    def within(source, target):
        if home in (Path(source), Path(target)):
            raise OSError(errno.EBUSY, "Device or resource busy")
        rename(source, target)

    monkeypatch.setattr(os, "rename", within)
    monkeypatch.chdir(home)
    found = Campaign.init(path, ".")

    assert found.about()["pool"] == NUM_POINTS
    assert sorted(entry.name for entry in home.iterdir()) == [store.DATABASE, *holds]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["disk", "pool.npy"]


@pytest.mark.parametrize("there", [False, True])
def test_an_init_that_fails_leaves_what_was_there(tmp_path, there):
    path, folder = write_pool(tmp_path), tmp_path / "new" / "campaign"
    if there:
        folder.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(ValueError, match="id '99' is not in the pool"):
        Campaign.init(path, folder, labels=write_labels(path.with_name("labels.csv"), [("99", "a")]))

    path.with_name("labels.csv").unlink()
    assert sorted(tmp_path.rglob("*")) == before
