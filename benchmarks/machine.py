"""What the machine can do at best, measured on the spot, and what it is."""

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import ddal_jax

_REPEATS = 3
_PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "scikit-learn", "faiss-cpu", "scikit-activeml", "torch")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_ROOT = Path(__file__).parent


class Rates(NamedTuple):
    """Best of a few repetitions.

    Attributes:
      numpy_product: float32 square matrix product in NumPy, GF/s, on the host.
      xla_product: the same in XLA on the device, at highest precision, GF/s.
      stream: XLA reading a long vector once, GB/s.
    """

    numpy_product: float
    xla_product: float
    stream: float


def measure_rates(*, order: int, stream_mib: int) -> Rates:
    """Measures the rates that floors rest on.

    Args:
      order: rows of the square matrices.
      stream_mib: length of the vector that is read.
    """
    square = np.random.default_rng(0).random((order, order), np.float32)
    on_device = jnp.asarray(square)
    vector = jnp.ones(stream_mib * 2**18, jnp.float32)
    work = 2 * order**3 / 1e9
    xla = best_seconds(_product, on_device, on_device)
    stream = best_seconds(_total, vector)
    return Rates(work / best_seconds(np.matmul, square, square), work / xla, vector.nbytes / 1e9 / stream)


def best_of(rates: Rates, other: Rates) -> Rates:
    """Returns the better of two measurements, rate by rate."""
    return Rates(*map(max, rates, other))


def tile_product_rate(points: int, dims: int) -> float:
    """Measures XLA's product in the shape of one block of distances, 256 rows against all points, in GF/s."""
    rng = np.random.default_rng(0)
    columns = jnp.asarray(rng.random((points, dims), np.float32))
    rows = jnp.asarray(rng.random((min(256, points), dims), np.float32))
    seconds = best_seconds(_product, rows, columns)
    return 2 * rows.size * points / 1e9 / seconds


def best_seconds(function: Callable, *arguments) -> float:
    """Returns the shortest wall time of a few calls after a first one."""
    jax.block_until_ready(function(*arguments))
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        times.append(time.perf_counter() - start)
    return min(times)


def device() -> dict[str, str | int | None]:
    """Names the device that ours runs on and the CPU that peers run on."""
    first = jax.devices()[0]
    return {
        "platform": first.platform,
        "device_kind": first.device_kind,
        "device_count": jax.device_count(),
        "cpu": cpu_model(),
        "cpu_count": usable_cores(),
        "last_level_cache": last_level_cache(),
    }


def usable_cores() -> int | None:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def cpu_model() -> str:
    """Returns the model name of the CPU as the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        named = re.search(r"^model name\s*:\s*(.+)$", information.read_text(), re.MULTILINE)
        if named:
            return named[1].strip()
    return platform.processor() or platform.machine()


def last_level_cache() -> int | None:
    """Returns the bytes of the largest cache, or None where the system does not tell."""
    sizes = [path.read_text().strip() for path in _CACHES.glob("index*/size")]
    return max((int(size[:-1]) * 1024 for size in sizes if re.fullmatch(r"\d+K", size)), default=None)


def versions() -> dict[str, str | None]:
    """Returns the versions that a figure depends on; None for what is not installed."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def commit() -> dict[str, str | bool | None]:
    """Returns the git commit and whether tracked files differ from it.

    None outside a repository, and where the library that is measured is not the one beside this folder.
    """
    if Path(ddal_jax.__file__).resolve().parents[1] != _ROOT.resolve().parent:
        return {"commit": None, "dirty": None}
    revision, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": revision, "dirty": None if changes is None else bool(changes)}


def timestamp() -> str:
    """Returns the time in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def device_peak() -> int | None:
    """Returns the most bytes that JAX ever held on the device, or None where it does not count, as on CPU."""
    counted = jax.devices()[0].memory_stats()
    return None if counted is None else counted.get("peak_bytes_in_use")


@jax.jit
def _product(left: jax.Array, right: jax.Array) -> jax.Array:
    return lax.dot_general(left, right, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)


@jax.jit
def _total(vector: jax.Array) -> jax.Array:
    return jnp.sum(vector)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", *arguments]
    try:
        run = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()
