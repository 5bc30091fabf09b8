"""On a full disk a command that hands something out ends with 1, says so, and leaves what was there as it was."""

import pytest
import small_disks
from campaigns import BATCH, CLASSES, answers, label, standing, write_pool

from ddal_jax import cli
from ddal_jax.campaign import Campaign, folders

pytestmark = pytest.mark.slow
COMMANDS = {
    "export": ["export"],
    "votes": ["export", "--format", "votes"],
    "tasks": ["export", "--format", "labelstudio"],
    "map": ["map"],
    "status": ["status"],
    "next": ["next", "-n", str(BATCH)],
}
# Room for nothing, and for what SQLite needs to read its log but for little more.
LEFT = {"nothing": 0, "one page beside the index of the log": 32768 + 4096}


@pytest.fixture
def campaign(tmp_path, monkeypatch):
    """A campaign on a small disk, its pool elsewhere, with labels of a first round."""
    monkeypatch.setattr("ddal_jax.cli.session.prepare_jax", lambda: None)
    with small_disks.mounted(tmp_path / "disk") as disk:
        write_pool(tmp_path)
        made = Campaign.init(tmp_path / "pool.npy", disk / "campaign", classes=CLASSES)
        label(made, answers(made.next(BATCH).queries))
        yield made


def _files(campaign):
    """Contents of all files but SQLite's own."""
    files = (path for path in campaign.folder.rglob("*") if path.is_file() and "sqlite" not in path.name)
    return {str(path.relative_to(campaign.folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_loses_nothing_and_says_so(campaign, capsys, command, left):
    if command == "status":
        campaign.folder.joinpath(folders.GRAPH).unlink()
    words = [*COMMANDS[command], "-c", str(campaign.folder)]
    before, votes = _files(campaign), standing(campaign)

    with small_disks.filled(campaign.folder.parent, leave=LEFT[left]):
        code = cli.main(words)
        told = capsys.readouterr()
        after = _files(campaign)

    if code:
        assert (code, told.out) == (1, "")
        assert "the disk is full" in told.err
        assert "Nothing was lost or half written" in told.err
        assert after == before
    assert code or (left != "nothing" and command != "map")  # the page alone is larger than what is left
    assert standing(campaign) == votes
    assert cli.main(words) == 0
    assert campaign.replay(1).same


def test_an_older_export_stays_as_it_was(campaign, capsys):
    for words in (COMMANDS["export"], COMMANDS["map"], COMMANDS["tasks"]):
        cli.main([*words, "-c", str(campaign.folder)])
    before = _files(campaign)
    label(campaign, [("0", "a"), ("1", "b")], "more.csv")

    with small_disks.filled(campaign.folder.parent, leave=0):
        codes = [cli.main([*words, "-c", str(campaign.folder)]) for words in COMMANDS.values()]
        after = _files(campaign)

    assert codes == [1] * len(COMMANDS)
    assert after == before
