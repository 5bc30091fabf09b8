"""A user's own data, from an .npz file."""

import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ddal_jax import checks
from ddal_jax.data.types import Split

_KEYS = {"inputs": "X", "labels": "y", "test_inputs": "X_test", "test_labels": "y_test"}


def load_npz(path: str | os.PathLike[str]) -> Split:
    """Reads pool and test set from the arrays `inputs`, `labels`, `test_inputs` and `test_labels` of a file.

    `X`, `y`, `X_test` and `y_test` are understood as well. Inputs hold real numbers and become float32 as they are:
    images (height, width, channels) are best stored within [0, 1]. Labels are integers from 0, of which the largest
    gives the number of classes. Nothing is unpickled.

    Raises:
      FileNotFoundError: no such file.
      ValueError: not an .npz file, an array that is missing or has the wrong shape, inputs that are not finite in
        float32, labels below 0.
      TypeError: arrays of the wrong kind.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"data must be the path of an .npz file; there is no file {str(path)!r}.")
    arrays = _read(path)
    inputs, test_inputs = (_inputs(key, arrays[key]) for key in ("inputs", "test_inputs"))
    labels = _labels("labels", arrays["labels"], inputs, "row of inputs")
    test_labels = _labels("test_labels", arrays["test_labels"], test_inputs, "row of test_inputs")
    if inputs.shape[1:] != test_inputs.shape[1:]:
        raise ValueError(
            f"test_inputs must have shape {['v', *inputs.shape[1:]]} as inputs have; got shape {test_inputs.shape}."
        )
    num_classes = int(max(labels.max(), test_labels.max())) + 1
    return Split(inputs, labels, test_inputs, test_labels, num_classes)


def _read(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as handle:
        try:
            file = np.load(handle, allow_pickle=False)
        except (ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"data must be an .npz file written by numpy.savez; {str(path)!r} is not one.") from error
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError(f"data must be an .npz file of several arrays; {str(path)!r} holds a single one.")
        with file:
            return {key: _array(path, file, key, short) for key, short in _KEYS.items()}


def _array(path: Path, file: Any, key: str, short: str) -> np.ndarray:
    name = key if key in file.files else short
    if name not in file.files:
        present = ", ".join(map(repr, file.files))
        raise ValueError(f"{str(path)!r} must hold an array {key!r} (or {short!r}); got {present or 'nothing'}.")
    try:
        return file[name]
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{name} must be a plain array of numbers, since nothing is unpickled; {str(path)!r} holds something else "
            "or is damaged."
        ) from error


def _inputs(key: str, array: np.ndarray) -> Float[np.ndarray, "n ..."]:
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{key} must hold real numbers; got dtype {array.dtype}.")
    if array.ndim < 2 or array.size == 0:
        raise ValueError(f"{key} must have shape [n, ...] with at least one row and column; got shape {array.shape}.")
    with np.errstate(over="ignore"):  # said below, with the row
        array = array.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
    if bad.size:
        raise ValueError(f"{key} must be finite in float32; {bad.size} rows are not, the first being {bad[0]}.")
    return array


def _labels(key: str, array: np.ndarray, inputs: np.ndarray, counted: str) -> Int[np.ndarray, " n"]:
    if array.dtype.kind not in "iu":
        raise TypeError(f"{key} must hold integers; got dtype {array.dtype}.")
    checks.rank(key, array, 1, "[n]")
    checks.length(key, array, len(inputs), counted)
    if array.min() < 0 or array.max() >= checks.INT32_MAX:
        bad = array.min() if array.min() < 0 else array.max()
        raise ValueError(f"{key} must lie in [0, {checks.INT32_MAX - 1}]; got {bad}.")
    return array.astype(np.int32)
