"""Results on disk: JSON lines that grow cycle by cycle, and a configuration written whole or not at all."""

import dataclasses
import importlib.metadata
import json
import os
import platform
import subprocess
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax

import ddal_jax
from ddal_jax.experiments.config import RunConfig

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "scikit-learn")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """One seed's cycle.

    Attributes:
      data: name of the data set.
      strategy: name of the strategy.
      seed: of the repetition.
      cycle: from 0.
      num_labeled: labels trained on.
      accuracy: on held-out points.
      queried: rows of the pool asked next.
      reached: for each, whether some label reached it when it was asked.
      points: their coordinates where the data are planar, else None.
      seconds_all_seeds: wall time of the cycle, all seeds together, compilation included in the first.
    """

    data: str
    strategy: str
    seed: int
    cycle: int
    num_labeled: int
    accuracy: float
    queried: list[int]
    reached: list[bool]
    points: list[list[float]] | None
    seconds_all_seeds: float


def append(path: Path, records: Iterable[Record]) -> None:
    """Adds records to a file of JSON lines and sees them onto the disk."""
    text = "".join(json.dumps(dataclasses.asdict(record)) + "\n" for record in records)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[Record]:
    """Reads records; a file cut off in the middle is read up to the damage, with a warning."""
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            records.append(Record(**json.loads(line)))
        except (json.JSONDecodeError, TypeError):
            warnings.warn(
                f"{path} is damaged at line {number}; read the {len(records)} records before it.", stacklevel=2
            )
            break
    return records


def write_json(path: Path, content: Any) -> None:
    """Writes JSON to a file, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def describe(*configs: RunConfig) -> dict[str, Any]:
    """Returns what `config.json` holds: the settings of the runs and the environment they ran in."""
    return {"runs": [config.as_dict() for config in configs], "environment": environment()}


def environment() -> dict[str, Any]:
    """Returns versions, devices and commit."""
    devices = jax.devices()
    return {
        "ddal_jax": ddal_jax.__version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "platform": f"{platform.system()} {platform.machine()}",
        "backend": jax.default_backend(),
        "devices": f"{len(devices)} x {devices[0].device_kind}",
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
    }


def _commit() -> str | None:
    """Returns the commit of the checkout this package is run from, marked if files differ; None when installed."""
    folder = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=folder, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
        tracked = subprocess.run(["git", "ls-files", "--error-unmatch", __file__], cwd=folder, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() if tracked.returncode == 0 else None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
