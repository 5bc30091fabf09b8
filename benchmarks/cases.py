"""The kernels that are timed: what each is given, what it computes, and who else computes it."""

import dataclasses
from collections.abc import Callable, Mapping

from benchmarks import agreement, batch_peers, floors, inputs, kernels, lessons, peers, spectral_peers
from benchmarks.agreement import Agreement
from benchmarks.floors import Floor
from benchmarks.lessons import Lesson
from benchmarks.peers import Peer
from benchmarks.sizes import Sizes
from benchmarks.torch_peers import torch_peers

_KNN_PEERS = {"faiss": peers.FAISS, "scikit-learn": peers.SKLEARN}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sibling:
    """Less work by the library itself, on arrays of the same case: what a kernel costs beyond it is the question.

    Attributes:
      kernel: as in `Case`.
      select: from the arrays of the case to those it is given.
    """

    kernel: Callable[[Sizes], Callable]
    select: Callable[[tuple], tuple] = tuple


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One kernel.

    Attributes:
      parameters: the fields of `Sizes` it depends on.
      inputs: from sizes and a seed to its arrays.
      kernel: from sizes to the function of those arrays that is compiled.
      floor: from sizes, the arrays of all seeds, the answer and the machine's rates to the least time.
      agreement: from a peer's answer, ours and the arrays of one seed, all in NumPy, to how close they are.
      peers: who else does the same work, by name.
      siblings: less work by the library, by name.
      work: from sizes to how many units of work a call does. Who does fewer is compared by the unit.
      unit: what is counted.
      compiles_itself: True for what drives compiled calls from Python: it is given all seeds, always stacked.
    """

    parameters: tuple[str, ...]
    inputs: Callable[[Sizes, int], tuple]
    kernel: Callable[[Sizes], Callable]
    floor: Callable[..., Floor]
    agreement: Callable[..., Agreement] | None
    peers: Mapping[str, Peer] = dataclasses.field(default_factory=dict)
    siblings: Mapping[str, Sibling] = dataclasses.field(default_factory=dict)
    work: Callable[[Sizes], int] = lambda sizes: 1
    unit: str = "call"
    compiles_itself: bool = False


def _neighbors(arrays: Callable[[Sizes, int], tuple], judge: Callable[..., Agreement]) -> Case:
    return Case(
        parameters=("points", "dims", "neighbors", "seeds"),
        inputs=arrays,
        kernel=kernels.knn,
        floor=floors.knn,
        agreement=judge,
        peers=_KNN_PEERS,
    )


def _diffusion(arrays: Callable[[Sizes, int], tuple]) -> Case:
    return Case(
        parameters=("points", "neighbors", "classes", "steps", "seeds"),
        inputs=arrays,
        kernel=kernels.diffusion,
        floor=floors.diffusion,
        agreement=agreement.same_mass,
        peers={"scipy": peers.SCIPY_DIFFUSION},
    )


def _batch_rule(diversity: str, floor: Callable[..., Floor]) -> Case:
    return Case(
        parameters=("points", "dims", "neighbors", "classes", "steps", "seeds", "batch"),
        inputs=inputs.batch_question,
        kernel=kernels.batch(diversity),
        floor=floor,
        agreement=agreement.same_task,
        peers=batch_peers.RIVALS,
        work=lambda sizes: sizes.batch * sizes.seeds,
        unit="pick",
    )


def _strategy(
    kernel: Callable[[Sizes], Callable], floor: Callable[..., Floor], judge: Callable[..., Agreement], peer: Peer
) -> Case:
    return Case(
        parameters=("points", "dims", "classes", "batch"),
        inputs=inputs.judged_pool,
        kernel=kernel,
        floor=floor,
        agreement=judge,
        peers={"scikit-activeml": peer},
        work=lambda sizes: sizes.batch,
        unit="pick",
    )


def _spectrum(arrays: Callable[[Sizes, int], tuple]) -> Case:
    return Case(
        parameters=("points", "neighbors"),
        inputs=arrays,
        kernel=kernels.eigenpair,
        floor=floors.spectrum,
        agreement=agreement.same_eigenpair,
        peers=spectral_peers.SOLVERS,
    )


def _training(lesson: Lesson) -> Case:
    return Case(
        parameters=("labels", "epochs", "seeds"),
        inputs=lesson.inputs,
        kernel=lesson.kernel,
        floor=lesson.floor,
        agreement=lesson.agreement,
        peers=torch_peers(lesson.settings),
        work=lesson.num_steps,
        unit="step",
    )


def _round(lesson: Lesson) -> Case:
    return Case(
        parameters=("labels", "epochs", "seeds"),
        inputs=lesson.round_inputs,
        kernel=lesson.round_kernel,
        floor=lesson.floor,
        agreement=None,
        siblings={"one seed": Sibling(kernel=lesson.round_kernel, select=lessons.first_seed)},
        compiles_itself=True,
    )


CASES = {
    "knn": _neighbors(inputs.features, agreement.same_neighbors),
    "knn_tight": _neighbors(inputs.tight_features, agreement.no_nearer_neighbors),
    "knn_offset": _neighbors(inputs.offset_features, agreement.no_nearer_neighbors),
    "affinity": Case(
        parameters=("points", "neighbors"),
        inputs=inputs.neighborhoods,
        kernel=kernels.symmetric,
        floor=floors.stream,
        agreement=agreement.same_weights,
        peers={"scipy": peers.SCIPY_AFFINITY},
    ),
    "diffusion_directed": _diffusion(inputs.directed_start),
    "diffusion": _diffusion(inputs.symmetric_start),
    "diffusion_hubs": _diffusion(inputs.hubs_start),
    "query": Case(
        parameters=("points", "neighbors", "classes", "steps", "seeds", "batch"),
        inputs=inputs.question,
        kernel=kernels.question,
        floor=floors.query,
        agreement=agreement.same_query,
        peers={"scipy": peers.SCIPY_QUERY},
        siblings={"diffusion alone": Sibling(kernel=kernels.diffusion_alone)},
    ),
    "local_minima": _batch_rule("local_minima", floors.single_turn),
    "redistribute": _batch_rule("redistribute", floors.batch),
    "margin": _strategy(kernels.margin, floors.stream, agreement.same_margin, batch_peers.MARGIN),
    "coreset": _strategy(kernels.coreset, floors.coreset, agreement.same_radius, batch_peers.CORESET),
    "badge": _strategy(kernels.badge, floors.badge, agreement.same_batch, batch_peers.BADGE),
    "typiclust": _strategy(kernels.typiclust, floors.typiclust, agreement.same_batch, batch_peers.TYPICLUST),
    "selection": Case(
        parameters=("points", "batch"),
        inputs=inputs.tied_scores,
        kernel=kernels.selection,
        floor=floors.stream,
        agreement=agreement.same_selection,
        peers={"numpy": peers.NUMPY_SELECTION},
    ),
    "spectrum": _spectrum(inputs.two_blobs),
    "spectrum_close": _spectrum(inputs.ten_blobs),
    "training_board": _training(lessons.BOARD),
    "training_digits": _training(lessons.DIGIT_IMAGES),
    "round_board": _round(lessons.BOARD),
    "round_digits": _round(lessons.DIGIT_IMAGES),
}
