"""The clock: compilation apart, methods interleaved repetition by repetition, medians of what is compared."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

# A repetition calls a quick method several times, so that the clock and the count of CPU seconds resolve it.
_SHORTEST_REPETITION = 0.005


class Compiled(NamedTuple):
    """A program ready to run.

    Attributes:
      call: takes the arrays it was compiled for.
      seconds: trace, lowering and compilation.
      program_bytes: arguments, outputs and scratch as the compiler counts them; None where it does not.
    """

    call: Callable
    seconds: float
    program_bytes: int | None


class Timing(NamedTuple):
    """What the repetitions of one method took.

    Attributes:
      seconds: wall time of one call, for each repetition.
      cores: CPU seconds over wall seconds, for all repetitions together.
      calls: how many calls a repetition made.
    """

    seconds: list[float]
    cores: float
    calls: int


def compile_ahead(function: Callable, arguments: tuple) -> Compiled:
    """Compiles a function for its arguments; what was traced before is used again unless it has been forgotten."""
    start = time.perf_counter()
    program = jax.jit(function).lower(*arguments).compile()
    seconds = time.perf_counter() - start
    memory = program.memory_analysis()
    if memory is None:
        return Compiled(program, seconds, None)
    needed = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    return Compiled(program, seconds, needed)


def call_first(function: Callable, arguments: tuple) -> Compiled:
    """Calls what compiles itself: the first call, less what a second takes, is what compilation took."""
    first, second = (_timed(lambda: jax.block_until_ready(function(*arguments)), 1)[0] for _ in range(2))
    return Compiled(function, max(first - second, 0.0), None)


def interleave(methods: Mapping[str, Callable[[], Any]], *, repeats: int) -> dict[str, Timing]:
    """Times methods that were called before, in turns: what slows the machine for a while slows them all.

    Args:
      methods: functions without arguments that return when their work is done.
      repeats: rounds. Each round starts with another method.
    """
    calls = {name: math.ceil(_SHORTEST_REPETITION / _timed(run, 1)[0]) for name, run in methods.items()}
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    order = list(methods)
    for _ in range(repeats):
        for name in order:
            rounds[name].append(_timed(methods[name], calls[name]))
        order = order[1:] + order[:1]
    return {name: _timing(timed, calls[name]) for name, timed in rounds.items()}


def summary(timing: Timing) -> dict[str, Any]:
    """Returns median, extremes, how they were obtained, and every repetition."""
    return {
        "median": statistics.median(timing.seconds),
        "min": min(timing.seconds),
        "max": max(timing.seconds),
        "repeats": len(timing.seconds),
        "calls_per_repeat": timing.calls,
        "cores": timing.cores,
        "each": timing.seconds,
    }


def ratio(timing: Timing, other: Timing, *, work: int = 1, other_work: int = 1) -> float:
    """Returns the median over repetitions of what a unit of work takes the one to what it takes the other.

    Args:
      timing: of the one.
      other: of the other.
      work: units that a call of the one does.
      other_work: units that a call of the other does.
    """
    pairs = zip(timing.seconds, other.seconds, strict=True)
    return statistics.median(mine / theirs for mine, theirs in pairs) * other_work / work


def _timing(timed: list[tuple[float, float]], calls: int) -> Timing:
    walls, cpus = zip(*timed, strict=True)
    return Timing(list(walls), sum(cpus) / sum(walls), calls)


def _timed(run: Callable[[], Any], calls: int) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - wall) / calls, (time.process_time() - cpu) / calls
