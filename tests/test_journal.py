"""A run killed at any moment goes on without repeating or losing a finished cycle."""

import dataclasses
import errno
import os

import jax
import numpy as np
import pytest
from made_records import record

from ddal_jax.experiments import journal, results
from ddal_jax.experiments.journal import Position
from ddal_jax.experiments.results import RunHeader
from ddal_jax.loop import LoopState
from ddal_jax.networks.types import TrainState

HEADERS = [RunHeader(task="digits", config={"budget": 40, "data": {"name": "digits"}}, environment={"jax": "0"})]
STATE = LoopState(
    TrainState({"kernel": np.arange(6.0, dtype=np.float32).reshape(2, 3)}, ()),
    np.array([[True, False]]),
    np.array([[0, -1]], np.int32),
)


def _position(next_cycle: int) -> Position:
    return Position("digits", "random", next_cycle, jax.tree.leaves(STATE))


@pytest.fixture
def folder(tmp_path):
    journal.begin(tmp_path / "run", HEADERS)
    journal.add(tmp_path / "run", [record(cycle=0)], _position(1))
    return tmp_path / "run"


def _cycles(folder):
    return [own.cycle for own in results.read(folder / journal.RESULTS).records]


def test_a_run_goes_on_after_the_last_finished_cycle(folder):
    journal.add(folder, [record(cycle=1)], _position(2))

    position = journal.resume(folder, HEADERS)

    assert (position.task, position.strategy, position.next_cycle) == ("digits", "random", 2)
    assert _cycles(folder) == [0, 1]
    restored = journal.restore(position, STATE)
    assert jax.tree.structure(restored) == jax.tree.structure(STATE)
    for a, b in zip(jax.tree.leaves(restored), jax.tree.leaves(STATE), strict=True):
        np.testing.assert_array_equal(a, b)


def test_killed_after_the_state_and_before_the_lines_the_cycle_is_not_lost(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(results, "append", lambda path, text: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            journal.add(folder, [record(cycle=1)], _position(2))
    assert _cycles(folder) == [0]

    position = journal.resume(folder, HEADERS)

    assert position.next_cycle == 2
    assert _cycles(folder) == [0, 1]


@pytest.mark.parametrize("lost", [1, 20, 400])
def test_killed_in_the_middle_of_the_lines_they_are_whole_again(folder, lost):
    journal.add(folder, [record(cycle=1), record(cycle=1, seed=1)], _position(2))
    path = folder / journal.RESULTS
    whole = path.read_bytes()
    os.truncate(path, len(whole) - lost)

    journal.resume(folder, HEADERS)

    assert path.read_bytes() == whole


def test_going_on_twice_adds_nothing(folder):
    journal.resume(folder, HEADERS)
    journal.resume(folder, HEADERS)

    assert _cycles(folder) == [0]


@pytest.mark.parametrize("where", ["savez", "fsync", "append"])
def test_a_full_disk_loses_nothing_already_written(folder, monkeypatch, where):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    target = {"savez": np, "fsync": os, "append": results}[where]
    with monkeypatch.context() as patch:
        patch.setattr(target, where, full)
        with pytest.raises(OSError, match="No space left"):
            journal.add(folder, [record(cycle=1)], _position(2))
    assert _cycles(folder) == [0]

    position = journal.resume(folder, HEADERS)

    assert _cycles(folder) == list(range(position.next_cycle))


def test_a_run_without_a_finished_cycle_starts_again(tmp_path):
    journal.begin(tmp_path, HEADERS)

    assert journal.resume(tmp_path, HEADERS) is None

    assert len(results.read(tmp_path / journal.RESULTS).runs) == 1


def test_a_complete_run_is_known_as_such(folder):
    assert not journal.is_complete(folder, 1)

    journal.finish(folder)

    assert journal.is_complete(folder, 1)
    assert not journal.is_complete(folder, 2)


def test_another_environment_is_written_where_it_begins(folder):
    moved = [dataclasses.replace(HEADERS[0], environment={"jax": "1"})]

    journal.resume(folder, moved)
    journal.add(folder, [record(cycle=1)], _position(2))
    journal.resume(folder, moved)

    lines = (folder / journal.RESULTS).read_text().splitlines()
    assert ["run" in line[:8] for line in lines] == [True, False, True, False]
    assert [run.environment["jax"] for run in results.read(folder / journal.RESULTS).runs] == ["0", "1"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": {"sha256": "b"}}, r"\(digits: sha256\)"),
        ({"strategies": {"random": {"kind": "Other"}}}, r"\(digits: random\)"),
    ],
)
def test_other_data_and_other_strategies_under_old_names_are_refused(tmp_path, change, message):
    before = dataclasses.replace(HEADERS[0], data={"sha256": "a"}, strategies={"random": {"kind": "Random"}})
    journal.begin(tmp_path, [before])

    with pytest.raises(ValueError, match=message):
        journal.resume(tmp_path, [dataclasses.replace(before, **change)])


def test_a_kill_at_the_very_start_leaves_nothing_in_the_way(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            journal.begin(tmp_path, HEADERS)

    journal.begin(tmp_path, HEADERS)

    assert results.read(tmp_path / journal.RESULTS).runs == HEADERS


def test_snapshots_of_an_earlier_run_are_removed(tmp_path):
    stale = tmp_path / journal.SNAPSHOTS / "diffusion" / "0007.npz"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"")

    journal.begin(tmp_path, HEADERS)

    assert not stale.exists()


def test_other_settings_are_refused_by_name(folder):
    other = [RunHeader(task="digits", config={"budget": 60, "data": {"name": "digits"}}, environment={})]

    with pytest.raises(ValueError, match=r"other settings \(digits: budget\)"):
        journal.resume(folder, other)

    assert _cycles(folder) == [0]


def test_results_without_a_state_cannot_be_gone_on_with(folder):
    (folder / journal.STATE).unlink()

    with pytest.raises(ValueError, match="holds results but state.npz beside it is missing"):
        journal.resume(folder, HEADERS)


def test_results_are_not_begun_over_others(folder):
    with pytest.raises(ValueError, match="already holds results"):
        journal.begin(folder, HEADERS)


def test_a_state_of_another_shape_is_refused(folder):
    other = STATE._replace(chosen=np.zeros((1, 3), np.int32))

    with pytest.raises(ValueError, match="does not fit"):
        journal.restore(journal.resume(folder, HEADERS), other)


def test_results_shorter_than_the_state_knew_are_refused(folder):
    journal.add(folder, [record(cycle=1)], _position(2))
    os.truncate(folder / journal.RESULTS, 200)

    with pytest.raises(ValueError, match="lacks lines"):
        journal.resume(folder, HEADERS)
