"""Frozen features are computed once, and never pass for what they are not."""

import numpy as np
import pytest

from ddal_jax.data import cache
from ddal_jax.data.types import Split
from ddal_jax.experiments import embedding
from ddal_jax.experiments.build import build
from ddal_jax.experiments.embedding import embed_splits
from ddal_jax.experiments.presets import EXPERIMENTS
from ddal_jax.networks.vgg import CHANNELS, ConvWeights
from ddal_jax.networks.vgg_file import PATH_VARIABLE


@pytest.fixture
def split():
    images = np.random.default_rng(0).uniform(size=(7, 32, 32, 3)).astype(np.float32)
    return Split(images[:4], np.arange(4, dtype=np.int32) % 2, images[4:], np.zeros(3, np.int32), 2)


@pytest.fixture
def embedded(monkeypatch, tmp_path):
    """Counts images embedded by a stand-in that is fast: the network itself is tested in its own room."""
    monkeypatch.setenv("DDAL_JAX_DATA", str(tmp_path))
    counted = []

    def mean_colours(images, weights, *, block_size):
        assert len(weights) == len(CHANNELS)
        counted.append(len(images))
        return images.mean(axis=(1, 2))

    monkeypatch.setattr(embedding, "embed", mean_colours)
    return counted


@pytest.fixture(autouse=True)
def small_weights(monkeypatch):
    """The full ones take seconds to draw."""
    monkeypatch.setattr(embedding, "random_vgg16", lambda key: _weights())


def test_no_embedding_leaves_the_images_as_they_are(split, embedded):
    (same,) = embed_splits([split], "none")

    assert same is split
    assert not embedded


def test_features_are_computed_once_for_all_seeds_whatever_the_order_of_the_images(split, embedded):
    shuffled = split._replace(inputs=split.inputs[::-1], labels=split.labels[::-1])

    with pytest.warns(UserWarning, match="VGG-16 HAS RANDOM WEIGHTS"):
        first, second = embed_splits([split, shuffled], "vgg16-random")

    assert embedded == [4, 3]
    np.testing.assert_array_equal(first.inputs, split.inputs.mean(axis=(1, 2)))
    np.testing.assert_array_equal(second.inputs, first.inputs[::-1])
    np.testing.assert_array_equal(second.test_inputs, first.test_inputs)
    np.testing.assert_array_equal(second.labels, shuffled.labels)


def test_other_weights_and_other_images_are_embedded_anew(split, embedded):
    for images, mark in ((split.inputs, "a"), (split.inputs, "b"), (split.inputs[:3], "a"), (split.inputs, "a")):
        embedding._kept_or_computed(images, weights=_weights(), mark=mark)

    assert embedded == [4, 4, 3]
    assert len(list((cache.folder() / "features").iterdir())) == 3


def test_weights_that_differ_in_one_number_are_told_apart():
    changed = list(_weights())
    changed[3] = changed[3]._replace(bias=np.ones(1, np.float32))

    assert embedding._mark(_weights()) == embedding._mark(_weights()) != embedding._mark(tuple(changed))


def test_a_damaged_file_of_features_is_told_and_made_anew(split, embedded):
    embedding._kept_or_computed(split.inputs, weights=_weights(), mark="a")
    (path,) = (cache.folder() / "features").iterdir()
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.warns(UserWarning, match="is damaged and will be made anew"):
        embedding._kept_or_computed(split.inputs, weights=_weights(), mark="a")

    assert embedded == [4, 4]


def test_without_weights_it_says_what_to_fetch_before_any_data_are_fetched(monkeypatch):
    monkeypatch.delenv(PATH_VARIABLE, raising=False)
    monkeypatch.setattr("ddal_jax.networks.vgg_file._cached_file", lambda: None)
    monkeypatch.setattr("ddal_jax.data.catalog.load", lambda *args, **kwargs: pytest.fail("fetched"))

    with pytest.raises(FileNotFoundError, match=f"Fetch the file model.safetensors .* set {PATH_VARIABLE}"):
        build(EXPERIMENTS["fig4-cifar10"].runs[0])


def _weights():
    return tuple(ConvWeights(np.zeros((3, 3, 1, 1), np.float32), np.zeros(1, np.float32)) for _ in CHANNELS)
