"""The kernels that are timed: what each is given, what it computes, and who else computes it."""

import dataclasses
from collections.abc import Callable, Mapping

import jax

from benchmarks import agreement, floors, inputs, peers
from benchmarks.agreement import Agreement
from benchmarks.floors import Floor
from benchmarks.peers import Peer
from benchmarks.sizes import Sizes
from ddal_jax import affinity, diffuse, knn_graph
from ddal_jax.query import QuerySettings, query
from ddal_jax.selection import lowest


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
    """

    parameters: tuple[str, ...]
    inputs: Callable[[Sizes, int], tuple]
    kernel: Callable[[Sizes], Callable]
    floor: Callable[..., Floor]
    agreement: Callable[..., Agreement]
    peers: Mapping[str, Peer]


def _knn(sizes: Sizes) -> Callable:
    return lambda features: knn_graph(features, num_neighbors=sizes.neighbors)


def _affinity(sizes: Sizes) -> Callable:
    return lambda knn: affinity(knn, symmetrize="max")


def _diffusion(sizes: Sizes) -> Callable:
    return lambda graph, mass, labeled: diffuse(graph, mass, labeled, num_steps=sizes.steps)


def _query(sizes: Sizes) -> Callable:
    settings = QuerySettings(criterion="min_abs", diversity="none", ties="random")

    def ask(key, graph, mass, labeled):
        everyone = jax.numpy.ones_like(labeled)
        return query(
            key, graph, mass, labeled, everyone, settings=settings, query_size=sizes.batch, num_steps=sizes.steps
        )

    return ask


def _batch(diversity: str) -> Callable[[Sizes], Callable]:
    settings = QuerySettings(diversity=diversity)

    def kernel(sizes: Sizes) -> Callable:
        def ask(key, graph, mass, labeled, features):
            del features
            everyone = jax.numpy.ones_like(labeled)
            picked, _ = query(
                key, graph, mass, labeled, everyone, settings=settings, query_size=sizes.batch, num_steps=sizes.steps
            )
            return picked

        return ask

    return kernel


def _selection(sizes: Sizes) -> Callable:
    return lambda key, scores, labeled: lowest(key, scores, labeled, query_size=sizes.batch)


CASES = {
    "knn": Case(
        parameters=("points", "dims", "neighbors", "seeds"),
        inputs=inputs.features,
        kernel=_knn,
        floor=floors.knn,
        agreement=agreement.same_neighbors,
        peers={"faiss": peers.FAISS, "scikit-learn": peers.SKLEARN},
    ),
    "affinity": Case(
        parameters=("points", "neighbors"),
        inputs=inputs.neighborhoods,
        kernel=_affinity,
        floor=floors.stream,
        agreement=agreement.same_weights,
        peers={"scipy": peers.SCIPY_AFFINITY},
    ),
    "diffusion_directed": Case(
        parameters=("points", "neighbors", "classes", "steps", "seeds"),
        inputs=inputs.directed_start,
        kernel=_diffusion,
        floor=floors.diffusion,
        agreement=agreement.same_mass,
        peers={"scipy": peers.SCIPY_DIFFUSION},
    ),
    "diffusion": Case(
        parameters=("points", "neighbors", "classes", "steps", "seeds"),
        inputs=inputs.symmetric_start,
        kernel=_diffusion,
        floor=floors.diffusion,
        agreement=agreement.same_mass,
        peers={"scipy": peers.SCIPY_DIFFUSION},
    ),
    "query": Case(
        parameters=("points", "neighbors", "classes", "steps", "seeds", "batch"),
        inputs=inputs.question,
        kernel=_query,
        floor=floors.query,
        agreement=agreement.same_query,
        peers={"scipy": peers.SCIPY_QUERY},
    ),
    "local_minima": Case(
        parameters=("points", "neighbors", "classes", "steps", "seeds", "batch"),
        inputs=inputs.batch_question,
        kernel=_batch("local_minima"),
        floor=floors.single_turn,
        agreement=agreement.same_task,
        peers={"CoreSet": peers.CORESET, "BADGE": peers.BADGE},
    ),
    "redistribute": Case(
        parameters=("points", "neighbors", "classes", "steps", "seeds", "batch"),
        inputs=inputs.batch_question,
        kernel=_batch("redistribute"),
        floor=floors.batch,
        agreement=agreement.same_task,
        peers={"CoreSet": peers.CORESET, "BADGE": peers.BADGE},
    ),
    "selection": Case(
        parameters=("points", "batch"),
        inputs=inputs.tied_scores,
        kernel=_selection,
        floor=floors.stream,
        agreement=agreement.same_selection,
        peers={"numpy": peers.NUMPY_SELECTION},
    ),
}
