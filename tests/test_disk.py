"""A file takes its name whole or not at all."""

import errno
import os

import pytest

from ddal_jax.disk import whole


def test_a_whole_file_replaces_the_one_before_and_folders_are_made(tmp_path):
    path = tmp_path / "new" / "folder" / "file"

    for content in (b"first", b"second"):
        with whole(path) as file:
            file.write(content)

    assert path.read_bytes() == b"second"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_write_leaves_the_file_before_and_nothing_else(tmp_path, error):
    (tmp_path / "file").write_bytes(b"first")

    def write_half():
        with whole(tmp_path / "file") as file:
            file.write(b"sec")
            raise error

    with pytest.raises(error):
        write_half()

    assert (tmp_path / "file").read_bytes() == b"first"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_name_changes_hands_only_after_all_is_on_the_disk(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "file").write_bytes(b"first")
    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space left"), whole(tmp_path / "file") as file:
        file.write(b"second")

    assert (tmp_path / "file").read_bytes() == b"first"
