"""What the kernels are to reach: ratios of medians from one interleaved run, float32, on the machine at hand.

A table, never a test: whether a target is met is said in reports, where the machine's rates stand beside it.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.runner import OURS
from benchmarks.sizes import LETTERS, Sizes

FLOOR = "the floor"
FIRST_CALL_S, FIRST_CALL_OF_TRAINING_S = 1.0, 3.0
_TRAINERS = ("training_board", "training_digits", "round_board", "round_digits")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """The largest ratio of one kernel at one size.

    Attributes:
      kernel: a name in `CASES`.
      sizes: those that differ from the defaults.
      against: methods, the fastest of which counts; or the floor.
      largest: ratio.
      device_count: JAX devices that it is stated for; None for any number.
    """

    kernel: str
    sizes: Mapping[str, int]
    against: tuple[str, ...]
    largest: float
    device_count: int | None = None

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Tells whether a record of ours is of this kernel, size and number of devices."""
        wanted = {name: self.sizes.get(name, getattr(Sizes(), name)) for name in record["sizes"]}
        return (
            record["method"] == OURS
            and record["kernel"] == self.kernel
            and record["sizes"] == wanted
            and self.device_count in (None, record["device"].get("device_count", 1))
        )

    def reached(self, record: Mapping[str, Any]) -> float | None:
        """Returns the ratio that a record of ours has; None where something it is held against was not measured.

        A peer whose answer differs is not measured: its time says nothing.
        """
        if self.against == (FLOOR,):
            return record["floor"]["reached_over_floor"]
        ratios = {
            name: ratio
            for name, ratio in record["ratios"].items()
            if record["agreement"].get(name, {"agrees": True})["agrees"]
        }
        return max(ratios[name] for name in self.against) if ratios.keys() >= set(self.against) else None

    @property
    def rival(self) -> str:
        """Says in words what it is held against."""
        return self.against[0] if len(self.against) == 1 else f"the best of {', '.join(self.against)}"

    @property
    def size(self) -> str:
        """Says in letters at which size."""
        return ", ".join(f"{LETTERS[name]} = {value:,}" for name, value in self.sizes.items())


def _graphs() -> Iterator[Target]:
    by_points = {50_000: ((0.6, 0.75, 0.95), 0.05), 10_000: ((0.8, 0.95, 1.0), 0.25)}
    for kernel in ("knn", "knn_tight", "knn_offset"):
        for points, (largest, more) in by_points.items():
            for dims, ratio in zip((50, 128, 512), largest, strict=True):
                for neighbors, extra in ((10, 0.0), (20, more)):
                    sizes = {"points": points, "dims": dims, "neighbors": neighbors}
                    yield Target(kernel=kernel, sizes=sizes, against=("faiss",), largest=round(ratio + extra, 2))
                    if points >= 50_000:
                        yield Target(kernel=kernel, sizes=sizes, against=(FLOOR,), largest=1.5)
        yield Target(kernel=kernel, sizes={"points": 2000}, against=("faiss", "scikit-learn"), largest=0.5)


def _diffusions() -> Iterator[Target]:
    wanted = {
        "diffusion_directed": ((10_000, 0.45), (100_000, 0.3), (1_000_000, 0.22)),
        "diffusion": ((10_000, 0.9), (50_000, 0.6), (100_000, 0.6)),
        "diffusion_hubs": ((10_000, 0.9), (50_000, 0.6), (100_000, 0.6)),
    }
    for kernel, rows in wanted.items():
        for points, largest in rows:
            for classes, ratio in ((10, largest), (1, 1.0)):
                sizes = {"points": points, "classes": classes}
                yield Target(kernel=kernel, sizes=sizes, against=("scipy",), largest=ratio)


def _questions() -> Iterator[Target]:
    for batch in (100, 1000):
        sizes = {"points": 50_000, "neighbors": 20, "steps": 4, "batch": batch}
        yield Target(kernel="query", sizes=sizes, against=("diffusion alone",), largest=1.2)
    batch_of_1000 = {"points": 50_000, "dims": 64, "batch": 1000}
    for kernel, largest in (("margin", 0.005), ("coreset", 0.1), ("badge", 0.01), ("typiclust", 0.4)):
        yield Target(kernel=kernel, sizes=batch_of_1000, against=("scikit-activeml",), largest=largest)
    yield Target(kernel="redistribute", sizes=batch_of_1000, against=("margin",), largest=1.0)


def _eigenpairs() -> Iterator[Target]:
    solvers = ("eigsh float64", "eigsh float32", "eigsh deflated", "lobpcg")
    for kernel in ("spectrum", "spectrum_close"):
        yield Target(kernel=kernel, sizes={"points": 50_000}, against=solvers, largest=0.7)


def _lessons() -> Iterator[Target]:
    for name in ("board", "digits"):
        yield Target(kernel=f"training_{name}", sizes={}, against=("torch",), largest=0.05)
        yield Target(kernel=f"training_{name}", sizes={}, against=("torch best",), largest=0.08)
        yield Target(
            kernel=f"round_{name}", sizes={"seeds": 50}, against=("one seed",), largest=18.0, device_count=2
        )  # fmt: skip


TARGETS = (*_graphs(), *_diffusions(), *_questions(), *_eigenpairs(), *_lessons())


def sizes_of(kernel: str, parameters: Sequence[str]) -> list[Sizes]:
    """Returns the sizes that a kernel's targets are stated for, smallest first."""
    wanted = {Sizes(**target.sizes) for target in TARGETS if target.kernel == kernel}
    return sorted(wanted, key=lambda sizes: [getattr(sizes, name) for name in parameters])


def first_call_target(kernel: str) -> float:
    """Returns the most seconds that trace, lowering and compilation of a kernel are to take."""
    return FIRST_CALL_OF_TRAINING_S if kernel in _TRAINERS else FIRST_CALL_S
