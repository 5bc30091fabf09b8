"""Where downloaded data stay: one compressed .npz file per data set, with a checksum."""

import hashlib
import os
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

_VARIABLE = "DDAL_JAX_DATA"


def folder() -> Path:
    """Returns `$DDAL_JAX_DATA`, else `ddal_jax/data` in the user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`)."""
    if chosen := os.environ.get(_VARIABLE):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ddal_jax" / "data"


def read(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Reads inputs and labels; None, after a warning that names the file, where they are not what was written.

    The warning leaves the damaged file in place: the next `write` replaces it.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            inputs, labels, expected = file["inputs"], file["labels"], str(file["sha256"])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = f"{type(error).__name__}: {error}"
    else:
        if _sha256(inputs, labels) == expected:
            return inputs, labels
        reason = "its checksum does not match"
    warnings.warn(f"{path} is damaged and will be fetched again ({reason}).", stacklevel=2)
    return None


def write(path: Path, inputs: np.ndarray, labels: np.ndarray) -> None:
    """Writes the file whole or not at all; warns where that is impossible, since the data can be used all the same."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".unfinished")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez_compressed(file, inputs=inputs, labels=labels, sha256=_sha256(inputs, labels))
            os.replace(unfinished, path)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
    except OSError as error:
        warnings.warn(
            f"{path} could not be written, so the data will be fetched again next time ({error}). "
            f"{_VARIABLE} names another folder.",
            stacklevel=2,
        )


def _sha256(inputs: np.ndarray, labels: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in (inputs, labels):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
