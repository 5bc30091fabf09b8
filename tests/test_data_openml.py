"""OpenML's answers become pools and test sets: real bodies in small, the HTTP layer alone replaced."""

import dataclasses
import gzip
import hashlib
import io
import json
import sys
import urllib.error
import urllib.parse

import numpy as np
import pytest
import sklearn.datasets._openml

from ddal_jax.data import cache, catalog, openml

HEIGHT, WIDTH, CHANNELS = 4, 5, 3
IMAGES = openml.Source(
    name="small-svhn",
    data_id=41081,
    num_train=12,
    num_test=6,
    shape=(HEIGHT, WIDTH, CHANNELS),
    file_labels=(10, 1, 2),
    train_counts=(4, 4, 4),
    num_points=9,
)
TABLE = openml.Source(
    name="small-poker",
    data_id=155,
    num_train=60,
    num_test=0,
    shape=(3,),
    file_labels=(0, 1),
    num_points=30,
    num_drawn=20,
)


class Response(io.BytesIO):
    """A compressed answer, as far as scikit-learn looks at it."""

    def info(self):
        return {"Content-Encoding": "gzip"}


class Server:
    """Answers as OpenML does, for one data set; counts the questions."""

    def __init__(self, source, names, types, rows):
        header = ["@RELATION data", *(f"@ATTRIBUTE {n} {t}" for n, t in zip(names, types, strict=True)), "@DATA"]
        arff = "\n".join([*header, *(",".join(map(str, row)) for row in rows), ""]).encode()
        nominal = [not kind.isalpha() for kind in types]
        features = [
            {
                "index": str(index), "name": name, "data_type": "nominal" if nominal[index] else "numeric",
                "is_target": "true" if name == "class" else "false", "is_ignore": "false",
                "is_row_identifier": "false", "number_of_missing_values": "0",
            }
            for index, name in enumerate(names)
        ]  # fmt: skip
        description = {
            "id": str(source.data_id), "name": source.name, "version": "1", "description": source.name,
            "format": "ARFF", "status": "active", "file_id": "7", "default_target_attribute": "class",
            "url": "https://www.openml.org/data/v1/download/7/data.arff", "md5_checksum": hashlib.md5(arff).hexdigest(),
        }  # fmt: skip
        qualities = [{"name": "NumberOfInstances", "value": str(float(len(rows)))}]
        self.answers = {
            f"/api/v1/json/data/{source.data_id}": {"data_set_description": description},
            f"/api/v1/json/data/features/{source.data_id}": {"data_features": {"feature": features}},
            f"/api/v1/json/data/qualities/{source.data_id}": {"data_qualities": {"quality": qualities}},
        }
        self.arff = arff
        self.num_questions = 0

    def __call__(self, request, *args, **kwargs):
        self.num_questions += 1
        path = urllib.parse.urlparse(request.full_url).path
        body = self.arff if path.startswith("/data/v1/download/") else json.dumps(self.answers[path]).encode()
        return Response(gzip.compress(body))


def image_rows(by_channel=True, labels=(1, 2, 10)):
    """Smooth images that all differ, and their labels in turn."""
    rows, columns, channels = np.ogrid[:HEIGHT, :WIDTH, :CHANNELS]
    images = [9 * rows + 4 * columns + 70 * channels + index for index in range(18)]
    if by_channel:
        images = [image.transpose(2, 0, 1) for image in images]
    return [[*image.ravel().tolist(), labels[index % 3]] for index, image in enumerate(images)]


def image_server(rows):
    names = [*(f"a{i}" for i in range(HEIGHT * WIDTH * CHANNELS)), "class"]
    return Server(IMAGES, names, [*["INTEGER"] * (len(names) - 1), "{1,2,10}"], rows)


def table_rows():
    """Suits as nominal numbers, ranks already scaled, a class that alternates."""
    return [[1 + index % 4, index % 13 / 12, index, index % 2] for index in range(60)]


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Keeps both caches in a folder of the test's own, and the test off the network."""
    monkeypatch.setenv("DDAL_JAX_DATA", str(tmp_path / "ours"))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "theirs"))
    monkeypatch.setattr(sklearn.datasets._openml.time, "sleep", lambda seconds: None)
    return tmp_path


@pytest.fixture
def connect(monkeypatch, request):
    """Replaces what scikit-learn opens addresses with."""
    if "network" not in request.keywords:
        pytest.importorskip("pandas")
    return lambda server: monkeypatch.setattr(sklearn.datasets._openml, "urlopen", server)


def unreachable(*args, **kwargs):
    raise urllib.error.URLError("no route to host")


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
