"""Results on disk: one file of JSON lines that grows cycle by cycle and tells how it came about.

A line holds either the settings and environment of a task, or one seed's cycle.
"""

import dataclasses
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax

import ddal_jax

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "scikit-learn")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunHeader:
    """How a task of an experiment is run.

    Attributes:
      task: its name.
      config: its settings.
      environment: versions, device and commit.
      strategies: what each name stands for: its settings, B, P, and the dropout of its network.
      data: sizes, and a checksum of pools, held-out points and starts of all seeds.
    """

    task: str
    config: dict[str, Any]
    environment: dict[str, Any]
    strategies: dict[str, Any] = dataclasses.field(default_factory=dict)
    data: dict[str, Any] = dataclasses.field(default_factory=dict)


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
      reached: for each, whether some label reached it when it was asked; True for a strategy without a graph.
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
    balanced_accuracy: float = math.nan
    queried: list[int] = dataclasses.field(default_factory=list)
    reached: list[bool] = dataclasses.field(default_factory=list)
    points: list[list[float]] | None = None
    boundary_distances: list[float] | None = None
    training_seconds: float = math.nan
    acquisition_seconds: float = math.nan


_Line = TypeVar("_Line", RunHeader, Record)


class Results(NamedTuple):
    """What a results file holds.

    Attributes:
      runs: headers, one per task, and a further one where a run went on in another environment.
      records: in the order in which they were written.
    """

    runs: list[RunHeader]
    records: list[Record]


def header_line(run: RunHeader) -> str:
    """Returns the line of a header."""
    return json.dumps({"run": dataclasses.asdict(run)}) + "\n"


def record_lines(records: Iterable[Record]) -> str:
    """Returns the lines of records."""
    return "".join(json.dumps(dataclasses.asdict(record)) + "\n" for record in records)


def read(path: Path) -> Results:
    """Reads a results file; one cut off in the middle is read up to the damage, with a warning.

    Only what a curve needs must be there: task, strategy, seed, cycle, num_labeled, accuracy. Unknown fields are left.

    Args:
      path: of the lines, compressed by gzip if it ends in .gz.

    Raises:
      OSError: the file cannot be read.
      ValueError: a whole line that is neither a record nor a header.
    """
    results = Results([], [])
    lines = _decompressed(path).decode("utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
        except json.JSONDecodeError:
            warnings.warn(
                f"{path} is damaged at line {number}; read the {len(results.records)} records before it.", stacklevel=2
            )
            break
        where = f"line {number} of {path}"
        if isinstance(content, dict) and "run" in content:
            results.runs.append(_made(RunHeader, content["run"], where))
        else:
            results.records.append(_made(Record, content, where))
    return results


def _decompressed(path: Path) -> bytes:
    """Returns the content of a file as far as it can be had."""
    if path.suffix != ".gz":
        return path.read_bytes()
    content, unpack = b"", zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with the header of gzip
    try:
        content = unpack.decompress(path.read_bytes())
        content += unpack.flush()
    except zlib.error as error:
        raise OSError(f"{path} cannot be decompressed: {error}.") from error
    return content


def _made(kind: type[_Line], content: Any, where: str) -> _Line:
    """Makes a record or a header of what a line holds."""
    fields = dataclasses.fields(kind)  # pyright: ignore[reportArgumentType]  # both are dataclasses
    if not isinstance(content, dict):
        raise ValueError(f"{where} must hold a JSON object; got {content!r:.60}.")
    needed = [f.name for f in fields if f.default is f.default_factory is dataclasses.MISSING]
    missing = [name for name in needed if name not in content]
    if missing:
        raise ValueError(f"{where} must have {', '.join(needed)}; got no {', '.join(missing)}.")
    return kind(**{f.name: content[f.name] for f in fields if f.name in content})


def read_runs(path: Path) -> list[RunHeader]:
    """Reads the headers with which a results file begins, up to the first line that is none."""
    runs = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                runs.append(_made(RunHeader, json.loads(line)["run"], f"a header of {path}"))
            except (json.JSONDecodeError, TypeError, KeyError, ValueError):
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
