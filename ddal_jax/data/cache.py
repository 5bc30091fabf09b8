"""Where data that were costly to get stay: one compressed .npz file each, with a checksum."""

import hashlib
import os
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ddal_jax.disk import whole

_VARIABLE = "DDAL_JAX_DATA"


def folder() -> Path:
    """Returns `$DDAL_JAX_DATA`, else `ddal_jax/data` in the user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`)."""
    if chosen := os.environ.get(_VARIABLE):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ddal_jax" / "data"


def read(path: Path) -> dict[str, np.ndarray] | None:
    """Reads the arrays of a file; None, after a warning that names it, where they are not what was written.

    The warning leaves the damaged file in place: the next `write` replaces it.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
            expected = str(arrays.pop("sha256"))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = f"{type(error).__name__}: {error}"
    else:
        if _sha256(arrays) == expected:
            return arrays
        reason = "its checksum does not match"
    warnings.warn(f"{path} is damaged and will be made anew ({reason}).", stacklevel=2)
    return None


def write(path: Path, **arrays: np.ndarray) -> None:
    """Writes the file whole or not at all; warns where that is impossible, since the data can be used all the same."""
    try:
        with whole(path) as file:
            np.savez_compressed(file, allow_pickle=False, **arrays, sha256=np.asarray(_sha256(arrays)))
    except OSError as error:
        warnings.warn(
            f"{path} could not be written, so it will be made anew next time ({error}). "
            f"{_VARIABLE} names another folder.",
            stacklevel=2,
        )


def _sha256(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
