"""Records of benchmarks that nobody measured: any kernel, any time, any spread."""

import numpy as np

from benchmarks.runner import OURS
from benchmarks.sizes import Sizes

_RATES = {"numpy_product": 200.0, "xla_product": 250.0, "stream": 30.0}


def run_of(kernel, seconds, *, seed=0, speed=1.0, jitter=0.02, repeats=7, device=None, compile_s=0.5, **sizes):
    """Makes the records of one case.

    Args:
      kernel: its name.
      seconds: what a call takes each method on a machine of speed 1; ours must be among them.
      seed: of the jitter.
      speed: of the machine.
      jitter: standard deviation of the logarithm of a repetition.
      repeats: rounds.
      device: what differs from the usual device.
      compile_s: of ours.
      sizes: of the case.
    """
    rng = np.random.default_rng(seed)
    each = {name: s / speed * np.exp(rng.normal(0, jitter, repeats)) for name, s in seconds.items()}
    methods = [OURS, *(name for name in seconds if name != OURS)]
    return [_record(kernel, method, each, speed, sizes, device or {}, compile_s) for method in methods]


def _record(kernel, method, each, speed, sizes, device, compile_s):
    times = each[method]
    others = [name for name in each if name != method] if method == OURS else [OURS]
    agreement = {"measure": "made up", "value": 0.0, "limit": 1.0, "agrees": True, "detail": ""}
    floor = 1e-3 / speed
    return {
        "kernel": kernel,
        "method": method,
        "sizes": sizes or {"points": Sizes().points},
        "unit": "call",
        "work": 1,
        "compile_s": compile_s if method == OURS else None,
        "run_s": {
            "median": float(np.median(times)),
            "min": float(times.min()),
            "max": float(times.max()),
            "repeats": len(times),
            "calls_per_repeat": 1,
            "cores": 2.0,
            "each": times.tolist(),
        },
        "ratios": {name: float(np.median(times / each[name])) for name in others},
        "floor": {
            "seconds": floor,
            "definition": "made up",
            "rate": 1.0,
            "unit": "GF/s",
            "reached_over_floor": float(np.median(times)) / floor,
        },
        "memory": {"program_bytes": 2**20, "peak_rss_bytes": 2**28, "grown_bytes": 2**21},
        "agreement": {name: dict(agreement) for name in others},
        "missing_peers": {},
        "device": {
            "platform": "cpu",
            "device_kind": "cpu",
            "device_count": 1,
            "cpu": "made up",
            "cpu_count": 2,
            "last_level_cache": 2**25,
        }
        | device,
        "versions": {"jax": "1.0"},
        "commit": "0" * 40,
        "dirty": False,
        "timestamp": "2026-01-01T00:00:00+00:00",
        "machine_rates": {name: speed * rate for name, rate in _RATES.items()},
    }
