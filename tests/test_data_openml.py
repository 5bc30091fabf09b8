"""OpenML's answers become pools and test sets: real bodies in small, the HTTP layer alone replaced."""

import dataclasses
import sys
import urllib.error
import urllib.parse

import numpy as np
import pytest
from openml_server import (
    CHANNELS,
    HEIGHT,
    IMAGES,
    TABLE,
    WIDTH,
    Server,
    image_rows,
    image_server,
    table_rows,
    unreachable,
)

from ddal_jax.data import catalog, openml

pytestmark = pytest.mark.usefixtures("folders")


@pytest.mark.parametrize("by_channel", [True, False])
def test_rows_become_images_whichever_way_they_are_stored(connect, by_channel):
    connect(image_server(image_rows(by_channel)))

    split = openml.load(IMAGES, 0, num_points=12)

    assert split.inputs.shape == (12, HEIGHT, WIDTH, CHANNELS)
    assert split.inputs.dtype == np.float32
    index = np.rint(split.inputs[:, 0, 0, 0] * 255)
    np.testing.assert_array_equal(np.rint(split.inputs[:, 2, 3, 1] * 255), 2 * 9 + 3 * 4 + 70 + index)
    assert sorted(index) == list(range(12))  # the first rows, in some order
    np.testing.assert_array_equal(np.rint(split.test_inputs[:, 0, 0, 0] * 255), np.arange(12, 18))
    classes = np.array([1, 2, 0])  # the file's 10 is class 0
    np.testing.assert_array_equal(split.labels, classes[index.astype(int) % 3])
    np.testing.assert_array_equal(split.test_labels, [1, 2, 0, 1, 2, 0])
    assert split.labels.dtype == np.int32
    assert split.num_classes == 3


def test_sizes_are_those_asked_for_and_the_benchmarks_own_otherwise(connect):
    connect(image_server(image_rows()))

    own, asked = openml.load(IMAGES, 0), openml.load(IMAGES, 0, num_points=6, num_test=2, balanced=True)

    assert (len(own.inputs), len(own.test_inputs)) == (9, 6)
    assert (len(asked.inputs), len(asked.test_inputs)) == (6, 2)
    assert np.bincount(asked.labels).tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match=r"num_points must be in \[1, 12\] .*; got 13"):
        openml.load(IMAGES, 0, num_points=13)
    with pytest.raises(ValueError, match=r"num_test must be in \[1, 6\] .*; got 7"):
        openml.load(IMAGES, 0, num_test=7)


def _with(rows, row, column, value):
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    ("source", "rows", "message"),
    [
        (
            dataclasses.replace(IMAGES, num_train=13),
            image_rows(),
            r"small-svhn must have 19 rows and 60 columns; got \(18, 60\)",
        ),
        (
            dataclasses.replace(IMAGES, shape=(4, 4, 3)),
            image_rows(),
            r"small-svhn must have 18 rows and 48 columns; got \(18, 60\)",
        ),
        (IMAGES, image_rows(labels=(1, 2, 3)), r"must have the classes \[1, 2, 10\]; got 1, 2, 3"),
        (IMAGES, image_rows(labels=(1, 2, 1)), r"must have the classes \[1, 2, 10\]; got 1, 2\."),
        (IMAGES, image_rows(labels=("red", 2, 10)), r"must have the classes \[1, 2, 10\]; got 10, 2, red"),
        (IMAGES, _with(image_rows(), 3, 5, 256), r"small-svhn must lie in \[0, 255\]; got \[0, 256\]"),
        (IMAGES, _with(image_rows(), 3, 5, -1), r"small-svhn must lie in \[0, 255\]; got \[-1, "),
        (IMAGES, _with(image_rows(), 3, 5, 0.5), "must hold whole numbers from 0 to 255; got fractions"),
        (IMAGES, _with(image_rows(), 3, 5, "?"), "must be finite; got missing or infinite values"),
    ],
)
def test_an_unexpected_answer_is_refused_and_not_kept(connect, folders, source, rows, message):
    connect(image_server(rows))

    with pytest.raises(ValueError, match=message):
        openml.load(source, 0)

    assert not (folders / "ours").exists()


def test_rows_in_another_order_than_the_official_are_reported(connect):
    rows = image_rows()
    connect(image_server([rows[0], *rows[:17]]))

    with pytest.warns(UserWarning, match=r"first 12 rows of small-svhn hold \[3, 5, 4\] .* not \[4, 4, 4\]"):
        openml.load(IMAGES, 0)


def test_a_table_is_scaled_and_split_at_random(connect):
    rows = table_rows()
    connect(Server(TABLE, ["s1", "c1", "id", "class"], ["{1,2,3,4}", "NUMERIC", "NUMERIC", "{0,1}"], rows))

    split = openml.load(TABLE, 0)

    assert split.inputs.shape == (30, 3)
    assert split.test_inputs.shape == (20, 3)
    assert split.inputs.dtype == np.float32
    pool, test = (np.rint(inputs[:, 2] * 59).astype(int) for inputs in (split.inputs, split.test_inputs))
    assert len(set(pool) | set(test)) == 50
    np.testing.assert_allclose(split.inputs[:, 0], pool % 4 / 3, rtol=1e-6)  # float32
    np.testing.assert_allclose(split.inputs[:, 1], pool % 13 / 12, rtol=1e-6)
    np.testing.assert_array_equal(split.labels, pool % 2)
    np.testing.assert_array_equal(split.test_labels, test % 2)


# scikit-learn takes text where numbers should be for a damaged download, and tries once more.
@pytest.mark.filterwarnings("ignore:Invalid cache, redownloading:RuntimeWarning")
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, "hearts", "small-poker could not be read from OpenML.*hearts"),
        (1, 0.5, "must have no constant column; column 1 is one"),
    ],
)
def test_a_table_that_cannot_be_scaled_is_refused(connect, column, value, message):
    rows = [_with([row], 0, column, value)[0] for row in table_rows()]
    kinds = ["{1,2,3,4,hearts}", "NUMERIC", "NUMERIC", "{0,1}"]
    connect(Server(TABLE, ["s1", "c1", "id", "class"], kinds, rows))

    with pytest.raises(ValueError, match=message):
        openml.load(TABLE, 0)


def test_a_missing_network_is_said_with_its_cause(connect):
    connect(unreachable)

    with (
        pytest.warns(UserWarning, match="A network error occurred"),
        pytest.raises(ConnectionError, match=r"mnist could not be fetched .*554.*no route to host.* \.npz") as caught,
    ):
        catalog.load("mnist", 0)

    assert isinstance(caught.value.__cause__, urllib.error.URLError)


def test_missing_pandas_is_said_with_the_extra(connect, monkeypatch):
    connect(image_server(image_rows()))
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(ImportError, match=r'small-svhn .* needs pandas: pip install "ddal-jax\[data\]"') as caught:
        openml.load(IMAGES, 0)

    assert isinstance(caught.value.__cause__, ImportError)


@pytest.mark.parametrize("source", [openml.MNIST, openml.CIFAR10, openml.SVHN])
def test_official_counts_add_up_to_the_training_set(source):
    assert sum(source.train_counts) == source.num_train
    assert len(source.train_counts) == len(source.file_labels) == 10
    assert source.num_points <= source.num_train


@pytest.mark.network
@pytest.mark.parametrize("name", ["mnist", "cifar10", "svhn", "openml155"])
def test_openml_still_answers_as_expected(name):
    pytest.importorskip("pandas")

    split = catalog.load(name, 0, num_points=1000, num_test=500)

    assert len(split.inputs) == 1000
    assert len(split.test_inputs) == 500
    assert split.inputs.min() == 0
    assert 0 < split.inputs.max() <= 1
    assert split.num_classes == 10
