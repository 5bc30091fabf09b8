"""What was fetched stays, whole or not at all, and is never taken for what it is not."""

import numpy as np
import pytest
from openml_server import IMAGES, image_rows, image_server, unreachable

from ddal_jax.data import cache, openml

pytestmark = pytest.mark.usefixtures("folders")


def test_a_second_reading_asks_nobody(connect, folders):
    server = image_server(image_rows())
    connect(server)
    first = openml.load(IMAGES, 3)
    assert server.num_questions > 0
    connect(unreachable)

    second = openml.load(IMAGES, 3)

    for before, after in zip(first, second, strict=True):
        np.testing.assert_array_equal(before, after)
    assert [path.name for path in (folders / "ours").iterdir()] == ["openml-41081.npz"]
    with np.load(folders / "ours" / "openml-41081.npz") as file:
        assert file["inputs"].dtype == np.uint8


def _cut(path):
    path.write_bytes(path.read_bytes()[:100])


def _flip(path):
    content = bytearray(path.read_bytes())
    content[100] ^= 255  # inside the first array
    path.write_bytes(content)


def _replace(path):
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | {"labels": arrays["labels"][::-1]}))


@pytest.mark.parametrize("damage", [_cut, _flip, _replace])
def test_a_damaged_cache_is_named_and_fetched_again(connect, folders, damage):
    connect(image_server(image_rows()))
    whole = openml.load(IMAGES, 0)
    damage(folders / "ours" / "openml-41081.npz")

    with pytest.warns(UserWarning, match=r"openml-41081.npz is damaged and will be made anew \("):
        again = openml.load(IMAGES, 0)

    np.testing.assert_array_equal(whole.labels, again.labels)
    np.testing.assert_array_equal(whole.inputs, again.inputs)
    openml.load(IMAGES, 0)  # and no warning: the file is whole


def test_a_folder_that_cannot_be_written_is_no_obstacle(connect, folders, monkeypatch):
    (folders / "file").write_text("")
    monkeypatch.setenv("DDAL_JAX_DATA", str(folders / "file" / "below"))
    connect(image_server(image_rows()))

    with pytest.warns(UserWarning, match="openml-41081.npz could not be written.*DDAL_JAX_DATA names another folder"):
        split = openml.load(IMAGES, 0)

    assert len(split.inputs) == 9


def test_an_interrupted_write_leaves_no_file(folders, monkeypatch):
    def interrupted(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupted)

    with pytest.raises(KeyboardInterrupt):
        cache.write(folders / "ours" / "data.npz", inputs=np.zeros((2, 2)), labels=np.zeros(2, np.int32))

    assert list((folders / "ours").iterdir()) == []


def test_the_cache_folder_follows_the_environment(folders, monkeypatch):
    assert cache.folder() == folders / "ours"
    monkeypatch.delenv("DDAL_JAX_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folders))
    assert cache.folder() == folders / "ddal_jax" / "data"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(folders / "home"))
    assert cache.folder() == folders / "home" / ".cache" / "ddal_jax" / "data"
