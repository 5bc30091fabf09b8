"""Results on disk: one file of JSON lines that grows cycle by cycle and tells how it came about.

A line holds either the settings and environment of a task, or one seed's cycle.
"""

import dataclasses
import importlib.metadata
import json
import os
import platform
import subprocess
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax

import ddal_jax
from ddal_jax.experiments.config import RunConfig

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "scikit-learn")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunHeader:
    """How a task of an experiment is run.

    Attributes:
      task: its name.
      config: its settings.
      environment: versions, device and commit.
    """

    task: str
    config: dict[str, Any]
    environment: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """One seed's cycle.

    Attributes:
      task: name of the task.
      strategy: name of the strategy.
      seed: of the repetition.
      cycle: from 0.
      num_labeled: labels trained on.
      accuracy: on held-out points.
      balanced_accuracy: mean over the classes held out.
      queried: rows of the pool asked next.
      reached: for each, whether some label reached it when it was asked.
      points: their coordinates where the data are planar, else None.
      boundary_distances: how far each lies from the true class boundary where that is known, else None.
      training_seconds: wall time of the cycle's training, all seeds together, compilation included in the first.
      acquisition_seconds: of its query, the same.
    """

    task: str
    strategy: str
    seed: int
    cycle: int
    num_labeled: int
    accuracy: float
    balanced_accuracy: float
    queried: list[int]
    reached: list[bool]
    points: list[list[float]] | None
    boundary_distances: list[float] | None
    training_seconds: float
    acquisition_seconds: float


class Results(NamedTuple):
    """What a results file holds.

    Attributes:
      runs: one header per task.
      records: in the order in which they were written.
    """

    runs: list[RunHeader]
    records: list[Record]


def header(config: RunConfig) -> RunHeader:
    """Returns the header of a task about to be run here."""
    return RunHeader(task=config.task, config=config.as_dict(), environment=environment())


def header_line(run: RunHeader) -> str:
    """Returns the line of a header."""
    return json.dumps({"run": dataclasses.asdict(run)}) + "\n"


def record_lines(records: Iterable[Record]) -> str:
    """Returns the lines of records."""
    return "".join(json.dumps(dataclasses.asdict(record)) + "\n" for record in records)


def read(path: Path) -> Results:
    """Reads a results file; one cut off in the middle is read up to the damage, with a warning.

    Raises:
      OSError: the file cannot be read.
    """
    results = Results([], [])
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
            if "run" in content:
                results.runs.append(RunHeader(**content["run"]))
            else:
                results.records.append(Record(**content))
        except (json.JSONDecodeError, TypeError):
            warnings.warn(
                f"{path} is damaged at line {number}; read the {len(results.records)} records before it.", stacklevel=2
            )
            break
    return results


def read_runs(path: Path) -> list[RunHeader]:
    """Reads the headers with which a results file begins, up to the first line that is none."""
    runs = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                runs.append(RunHeader(**json.loads(line)["run"]))
            except (json.JSONDecodeError, TypeError, KeyError):
                break
    return runs


def append(path: Path, text: str) -> None:
    """Adds lines to a file and sees them onto the disk."""
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


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
