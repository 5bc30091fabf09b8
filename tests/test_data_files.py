"""A user's own file is read as it is, or refused with the array's name."""

import numpy as np
import pytest

from ddal_jax.data.files import load_npz

GOOD = {
    "inputs": np.arange(12.0).reshape(4, 3),
    "labels": np.array([0, 2, 1, 0]),
    "test_inputs": np.ones((2, 3), np.uint8),
    "test_labels": np.array([3, 0], np.uint8),
}
SHORT = {"inputs": "X", "labels": "y", "test_inputs": "X_test", "test_labels": "y_test"}


def saved(tmp_path, **changes):
    path = tmp_path / "own.npz"
    np.savez(path, **{key: value for key, value in (GOOD | changes).items() if value is not None})
    return path


@pytest.mark.parametrize("names", [{key: key for key in GOOD}, SHORT])
def test_arrays_come_back_under_either_name(tmp_path, names):
    path = tmp_path / "own.npz"
    np.savez(path, **{names[key]: value for key, value in GOOD.items()})

    split = load_npz(path)

    for part, key in zip(split[:4], GOOD, strict=True):
        np.testing.assert_array_equal(part, GOOD[key])
        assert part.dtype == (np.float32 if "inputs" in key else np.int32)
    assert split.num_classes == 4


def test_images_keep_their_shape(tmp_path):
    split = load_npz(saved(tmp_path, inputs=np.zeros((4, 5, 6, 3)), test_inputs=np.zeros((2, 5, 6, 3))))

    assert split.inputs.shape == (4, 5, 6, 3)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"labels": None}, ValueError, "must hold an array 'labels' \\(or 'y'\\); got 'inputs', 'test_inputs'"),
        ({"inputs": np.array([["a"]] * 4)}, TypeError, "inputs must hold real numbers; got dtype <U1"),
        ({"inputs": np.zeros((4, 3), complex)}, TypeError, "inputs must hold real numbers; got dtype complex128"),
        ({"inputs": np.zeros((4, 3), bool)}, TypeError, "inputs must hold real numbers; got dtype bool"),
        ({"inputs": np.zeros(4)}, ValueError, r"inputs must have shape \[n, ...\] .*; got shape \(4,\)"),
        ({"test_inputs": np.zeros((0, 3))}, ValueError, r"test_inputs must have shape .*; got shape \(0, 3\)"),
        (
            {"test_inputs": np.zeros((2, 4))},
            ValueError,
            r"test_inputs must have shape \['v', 3\] as .*; got shape \(2, 4\)",
        ),
        ({"inputs": np.where(np.eye(4, 3) == 1, np.nan, 0)}, ValueError, "inputs must be finite .*; 3 rows .* being 0"),
        ({"inputs": np.full((4, 3), 1e300)}, ValueError, "inputs must be finite in float32; 4 rows are not"),
        ({"labels": np.zeros(4)}, TypeError, "labels must hold integers; got dtype float64"),
        ({"labels": np.array(["a"] * 4)}, TypeError, "labels must hold integers; got dtype <U1"),
        ({"labels": np.zeros(3, int)}, ValueError, "labels must have 4 entries, one per row of inputs; got shape"),
        ({"labels": np.zeros((4, 1), int)}, ValueError, r"labels must have shape \[n\]; got shape \(4, 1\)"),
        ({"labels": np.array([0, -1, 1, 0])}, ValueError, r"labels must lie in \[0, \d+\]; got -1"),
        ({"test_labels": np.array([0, 2**40])}, ValueError, r"test_labels must lie in \[0, \d+\]; got 1099511627776"),
    ],
)
def test_an_array_that_cannot_be_used_is_named(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        load_npz(saved(tmp_path, **changes))


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a file was unpickled",))


def test_nothing_is_unpickled(tmp_path):
    with pytest.raises(ValueError, match="labels must be a plain array of numbers, since nothing is unpickled"):
        load_npz(saved(tmp_path, labels=np.array([Bomb()] * 4, object)))


@pytest.mark.parametrize("content", [b"", b"x,y\n1,2\n", b"\x93NUMPY"])
def test_another_kind_of_file_is_refused(tmp_path, content):
    path = tmp_path / "own.npz"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"data must be an .npz file written by numpy.savez; '.*own.npz' is not one"):
        load_npz(path)


def test_a_single_array_is_refused(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")

    with pytest.raises(ValueError, match="data must be an .npz file of several arrays"):
        load_npz(tmp_path / "one.npz")


def test_a_file_damaged_in_the_middle_is_refused(tmp_path):
    path = saved(tmp_path)
    content = bytearray(path.read_bytes())
    content[200] ^= 255
    path.write_bytes(content)

    with pytest.raises(ValueError, match="inputs must be a plain array of numbers.* or is damaged"):
        load_npz(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file '.*none.npz'"):
        load_npz(tmp_path / "none.npz")
