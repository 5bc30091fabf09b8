"""What a command does before the first computation, and how it shows progress."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import rich.console
import rich.progress

from ddal_jax.experiments.results import Record

console = rich.console.Console()


def prepare_jax() -> None:
    """Lets seeds use every CPU core, and keeps compiled programs from one command to the next.

    Both only before JAX has been used, and only unless the environment says otherwise.
    """
    if "JAX_NUM_CPU_DEVICES" not in os.environ and "xla_force_host_platform_device_count" not in os.environ.get(
        "XLA_FLAGS", ""
    ):
        jax.config.update("jax_num_cpu_devices", num_cores())
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ddal_jax" / "compiled"
        jax.config.update("jax_compilation_cache_dir", str(cache))


def num_cores() -> int:
    """Returns how many cores this process may use, which a container may restrict."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def progress(description: str, *, total: int, done: int) -> Iterator["Meter"]:
    """Shows a bar on a terminal and one line per strategy elsewhere."""
    columns = (
        rich.progress.TextColumn("{task.description:<28}"),
        rich.progress.BarColumn(),
        rich.progress.TextColumn("{task.fields[status]}"),
        rich.progress.TimeElapsedColumn(),
    )
    with rich.progress.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield Meter(bar, bar.add_task(description, total=total, completed=done, status="compiling"))


class Meter:
    """A progress bar that reads records."""

    def __init__(self, bar: rich.progress.Progress, task: rich.progress.TaskID) -> None:
        self._bar, self._task, self._strategy = bar, task, ""

    def advance(self, records: list[Record]) -> None:
        """Shows that one more cycle of all seeds is done."""
        first = records[0]
        if self._bar.disable and first.strategy != self._strategy:
            console.print(f"{first.task}: {first.strategy}, {len(records)} seeds ...")
        self._strategy = first.strategy
        description = f"{first.task}: {first.strategy}"
        self._bar.update(self._task, advance=1, description=description, status=f"{first.num_labeled} labels")
