"""One case from inputs to records: compile ours, check every peer's answer, then time all in turns."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import machine, measure, memory
from benchmarks.agreement import Agreement, worst
from benchmarks.cases import CASES, Case
from benchmarks.floors import Floor
from benchmarks.inputs import is_key
from benchmarks.machine import Rates
from benchmarks.measure import Compiled, Timing
from benchmarks.memory import Memory
from benchmarks.peers import Peer
from benchmarks.sizes import Sizes

OURS = "ddal_jax"


class Method(NamedTuple):
    """What is timed beside the others.

    Attributes:
      run: the timed call, over all seeds.
      work: units of work that it does.
      memory: what the process held during a call.
      held_to_floor: whether the floor of the case bounds it: not who does less, or something else.
      program: of the library; None for a peer.
      agreement: of a peer with ours; None where there is nothing to compare.
    """

    run: Callable[[], Any]
    work: int
    memory: Memory
    held_to_floor: bool
    program: Compiled | None = None
    agreement: Agreement | None = None


def run_case(
    kernel: str, sizes: Sizes, *, with_peers: bool, repeats: int, rates: Rates, best: Rates
) -> list[dict[str, Any]]:
    """Times one kernel at one size.

    Args:
      kernel: a name in `CASES`.
      sizes: the size.
      with_peers: whether other libraries, and parts of ours, run as well.
      repeats: rounds in which every method is timed once.
      rates: what the machine could do when this table began.
      best: the best it did in the whole run, on which floors rest.

    Returns:
      One record for ours, first, and one for each other method that could run.
    """
    case = CASES[kernel]
    per_seed = [case.inputs(sizes, seed) for seed in range(sizes.seeds)]
    arrays = _stacked(case, per_seed)
    # As in a new process, nothing traced or compiled before is used.
    jax.clear_caches()
    answer, ours = _our_method(case, case.kernel(sizes), sizes, arrays, is_whole=True)
    methods, missing = {OURS: ours}, {}
    if with_peers:
        for name, sibling in case.siblings.items():
            part = sibling.select(arrays)
            methods[name] = _our_method(case, sibling.kernel(sizes), sizes, part, is_whole=False)[1]
        for name, peer in case.peers.items():
            if peer.is_installed():
                methods[name] = _their_method(case, peer, sizes, per_seed, answer)
            else:
                missing[name] = peer.package
    timings = measure.interleave({name: method.run for name, method in methods.items()}, repeats=repeats)
    floor = case.floor(sizes, arrays, answer, best)
    shared = {"kernel": kernel, "sizes": _used(case, sizes), "unit": case.unit} | _surroundings(rates)
    return [shared | _figures(name, methods, timings, missing, floor) for name in methods]


def _stacked(case: Case, per_seed: list[tuple]) -> tuple:
    if len(per_seed) == 1 and not case.compiles_itself:
        return per_seed[0]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *per_seed)


def _our_method(case: Case, function: Callable, sizes: Sizes, arrays: tuple, *, is_whole: bool) -> tuple[Any, Method]:
    """Compiles a function of the library; returns its answer and how it is timed."""
    if case.compiles_itself:
        program = measure.call_first(function, arrays)
    else:
        program = measure.compile_ahead(jax.vmap(function) if sizes.seeds > 1 else function, arrays)
    run = functools.partial(_run_ours, program, arrays)
    answer, held = memory.watched(run)
    return answer, Method(run, case.work(sizes), held, is_whole, program)


def _their_method(case: Case, peer: Peer, sizes: Sizes, per_seed: list[tuple], answer: Any) -> Method:
    """Prepares a peer, runs it once and compares its answer, seed by seed."""
    hosted = [_on_host(arrays) for arrays in per_seed]
    ours = [_on_host(_of_seed(answer, seed) if sizes.seeds > 1 else answer) for seed in range(sizes.seeds)]
    given = peer.sizes(sizes)
    run = functools.partial(_run_all, peer.run, [peer.prepare(given, *arrays) for arrays in hosted])
    theirs, held = memory.watched(run)
    judge = case.agreement
    assert judge is not None  # Who has peers says what it is to agree with them.
    agreement = worst([judge(their, our, *arrays) for their, our, arrays in zip(theirs, ours, hosted, strict=True)])
    return Method(run, case.work(given), held, peer.same_work and given == sizes, agreement=agreement)


def _run_ours(program: Compiled, arrays: tuple) -> Any:
    return jax.block_until_ready(program.call(*arrays))


def _run_all(run: Callable, prepared: list[tuple]) -> list[Any]:
    return [run(*arguments) for arguments in prepared]


def _of_seed(answer: Any, seed: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[seed], answer)


def _on_host(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf if is_key(leaf) else np.asarray(leaf), tree)


def _figures(
    name: str,
    methods: dict[str, Method],
    timings: dict[str, Timing],
    missing: dict[str, str],
    floor: Floor,
) -> dict[str, Any]:
    """Returns what was measured of one method: ours is compared with all others, each of them with ours."""
    method, run = methods[name], measure.summary(timings[name])
    is_ours = name == OURS
    others = [other for other in methods if other != name] if is_ours else [OURS]
    agreements = {other: methods[other].agreement for other in others} if is_ours else {OURS: method.agreement}
    return {
        "method": name,
        "compile_s": method.program.seconds if is_ours and method.program else None,
        "run_s": run,
        "work": method.work,
        "ratios": {
            other: measure.ratio(timings[name], timings[other], work=method.work, other_work=methods[other].work)
            for other in others
        },
        "floor": floor._asdict()
        | {"reached_over_floor": run["median"] / floor.seconds if method.held_to_floor else None},
        "memory": {
            "program_bytes": method.program.program_bytes if is_ours and method.program else None,
            "peak_rss_bytes": method.memory.peak_bytes,
            "grown_bytes": method.memory.grown_bytes,
            "device_peak_bytes": machine.device_peak() if is_ours else None,
        },
        "agreement": {other: _plain(found) for other, found in agreements.items() if found is not None},
        "missing_peers": missing if is_ours else {},
    }


def _used(case: Case, sizes: Sizes) -> dict[str, int]:
    return {name: getattr(sizes, name) for name in case.parameters}


def _surroundings(rates: Rates) -> dict[str, Any]:
    return {
        "device": machine.device(),
        "versions": machine.versions(),
        **machine.commit(),
        "timestamp": machine.timestamp(),
        "machine_rates": rates._asdict(),
    }


def _plain(agreement: Agreement) -> dict[str, Any]:
    # JSON has no NaN: a closeness that cannot be told is null, and its verdict stays.
    value = agreement.value if np.isfinite(agreement.value) else None
    return agreement._asdict() | {"value": value}
