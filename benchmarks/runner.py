"""One case from inputs to records: compile ours, check every peer's answer, then time all in turns."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import machine, measure
from benchmarks.agreement import Agreement, worst
from benchmarks.cases import CASES, Case
from benchmarks.floors import Floor
from benchmarks.inputs import is_key
from benchmarks.machine import Rates
from benchmarks.measure import Compiled, Timing
from benchmarks.sizes import Sizes

OURS = "ddal_jax"


class Checked(NamedTuple):
    """Peers that are ready to be timed.

    Attributes:
      runs: the timed work of each, over all seeds.
      agreements: whether its answer is ours.
      missing: the package to install for each peer that is not there.
    """

    runs: dict[str, Callable[[], Any]]
    agreements: dict[str, Agreement]
    missing: dict[str, str]


class Measured(NamedTuple):
    """All that was measured about one case."""

    program: Compiled
    timings: dict[str, Timing]
    checked: Checked
    floor: Floor


def run_case(
    kernel: str, sizes: Sizes, *, with_peers: bool, repeats: int, rates: Rates, best: Rates
) -> list[dict[str, Any]]:
    """Times one kernel at one size.

    Args:
      kernel: a name in `CASES`.
      sizes: the size.
      with_peers: whether other libraries run as well.
      repeats: rounds in which every method is timed once.
      rates: what the machine could do when this table began.
      best: the best it did in the whole run, on which floors rest.

    Returns:
      One record for ours, first, and one for each peer that is installed.
    """
    case = CASES[kernel]
    per_seed = [case.inputs(sizes, seed) for seed in range(sizes.seeds)]
    function, arrays = case.kernel(sizes), per_seed[0]
    if sizes.seeds > 1:
        function, arrays = jax.vmap(function), jax.tree.map(lambda *leaves: jnp.stack(leaves), *per_seed)
    program = measure.compile_afresh(function, arrays)

    answer = jax.block_until_ready(program.call(*arrays))
    checked = _check_peers(case, sizes, per_seed, answer) if with_peers else Checked({}, {}, {})
    ours = functools.partial(_run_ours, program, arrays)
    timings = measure.interleave({OURS: ours} | checked.runs, repeats=repeats)
    measured = Measured(program, timings, checked, case.floor(sizes, arrays, answer, best))
    return _records(kernel, case, sizes, measured, rates)


def _check_peers(case: Case, sizes: Sizes, per_seed: list[tuple], answer: Any) -> Checked:
    hosted = [_on_host(arrays) for arrays in per_seed]
    ours = [_on_host(_of_seed(answer, seed) if sizes.seeds > 1 else answer) for seed in range(sizes.seeds)]
    checked = Checked({}, {}, {})
    for name, peer in case.peers.items():
        if not peer.is_installed():
            checked.missing[name] = peer.package
            continue
        prepared = [peer.prepare(sizes, *arrays) for arrays in hosted]
        theirs = [peer.run(*arguments) for arguments in prepared]
        triples = zip(theirs, ours, hosted, strict=True)
        checked.agreements[name] = worst([case.agreement(their, our, *arrays) for their, our, arrays in triples])
        checked.runs[name] = functools.partial(_run_all, peer.run, prepared)
    return checked


def _run_ours(program: Compiled, arrays: tuple) -> None:
    jax.block_until_ready(program.call(*arrays))


def _run_all(run: Callable, prepared: list[tuple]) -> None:
    for arguments in prepared:
        run(*arguments)


def _of_seed(answer: Any, seed: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[seed], answer)


def _on_host(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf if is_key(leaf) else np.asarray(leaf), tree)


def _records(kernel: str, case: Case, sizes: Sizes, measured: Measured, rates: Rates) -> list[dict[str, Any]]:
    used = {name: value for name, value in dataclasses.asdict(sizes).items() if name in case.parameters}
    shared = {
        "device": machine.device(),
        "versions": machine.versions(),
        **machine.commit(),
        "timestamp": machine.timestamp(),
        "machine_rates": rates._asdict(),
    }
    return [
        {"kernel": kernel, "method": method, "sizes": used} | _figures(method, measured) | shared
        for method in measured.timings
    ]


def _figures(method: str, measured: Measured) -> dict[str, Any]:
    program, timings, checked, floor = measured
    is_ours = method == OURS
    run = measure.summary(timings[method])
    others = [name for name in timings if name != method] if is_ours else [OURS]
    agreements = checked.agreements if is_ours else {OURS: checked.agreements[method]}
    return {
        "compile_s": program.seconds if is_ours else None,
        "run_s": run,
        "ratios": {name: measure.ratio(timings[method], timings[name]) for name in others},
        "floor": floor._asdict() | {"reached_over_floor": run["median"] / floor.seconds},
        "memory": {"program_bytes": program.program_bytes if is_ours else None, "peak_rss_bytes": machine.peak_rss()},
        "agreement": {name: _plain(agreement) for name, agreement in agreements.items()},
        "missing_peers": checked.missing if is_ours else {},
    }


def _plain(agreement: Agreement) -> dict[str, Any]:
    # JSON has no NaN: a closeness that cannot be told is null, and its verdict stays.
    value = agreement.value if np.isfinite(agreement.value) else None
    return agreement._asdict() | {"value": value}
