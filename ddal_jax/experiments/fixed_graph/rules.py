"""The rules by name, each with settings of its own that no default can move."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax

from ddal_jax import checks, scores
from ddal_jax.diffusion import label_mass
from ddal_jax.diversity.redistribution import TIES, redistribute
from ddal_jax.graph.types import AnyGraph
from ddal_jax.pool_graph import GraphSettings, pool_graph
from ddal_jax.query import QuerySettings
from ddal_jax.selection import Query
from ddal_jax.strategies import Coreset, Diffusion, PoissonLaplace, Pool, QueryStrategy, Random
from ddal_jax.strategies.optimal_design import OptimalDesign

_REFINE_STEPS = 20
_LONG_COVERAGE = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class RefinedDiffusion:
    """Diffusion by the kernel of the batch rule, whose coverage may walk longer than labels do.

    Attributes:
      num_classes: C.
      graph: how the graph is built and walked.
      ties: what orders unreached points.
      num_coverage_steps: steps of the walks of coverage; None takes T.
      num_refine_steps: steps that replace T once nothing is unreached.
    """

    num_classes: int
    graph: GraphSettings
    ties: str
    num_coverage_steps: int | None = None
    num_refine_steps: int | None = _REFINE_STEPS

    def __post_init__(self) -> None:
        checks.choice("ties", self.ties, TIES)

    @property
    def requires(self) -> frozenset[str]:
        """See `QueryStrategy`."""
        return frozenset({"features"})

    def prepare(self, key: jax.Array, pool: Pool) -> AnyGraph:
        """Builds the graph of the pool."""
        del key
        assert pool.features is not None
        return pool_graph(pool.features, self.graph)

    def query(self, key: jax.Array, prepared: AnyGraph, pool: Pool, *, query_size: int) -> Query:
        """Diffuses all known labels and picks by margin and pick mass, one at a time."""
        mass = label_mass(pool.labels, pool.labeled, num_classes=self.num_classes)
        return redistribute(
            key, prepared, mass, pool.labeled, ~pool.labeled,
            query_size=query_size,
            num_steps=self.graph.steps_for(pool.labeled.shape[0]),
            num_rediffusions=query_size,
            criterion=scores.margin,
            ties=self.ties,
            num_coverage_steps=self.num_coverage_steps,
            num_refine_steps=self.num_refine_steps,
        )  # fmt: skip


class Setting(NamedTuple):
    """What a rule is made for.

    Attributes:
      graph: of the problem.
      num_classes: C.
      num_clusters: how many clumps the points form.
    """

    graph: GraphSettings
    num_classes: int
    num_clusters: int


class Rule(NamedTuple):
    """How a rule is made.

    Attributes:
      make: from what it is made for.
      sees_classes: False where the classes of labels change nothing, so that all labels may be asked at once.
    """

    make: Callable[[Setting], QueryStrategy]
    sees_classes: bool = True


def _diffusion(**settings) -> Rule:
    query = QuerySettings(num_rediffusions=None, **settings)
    return Rule(lambda own: Diffusion(num_classes=own.num_classes, graph=own.graph, settings=query))


def _refined(ties: str, num_coverage_steps: int | None = None) -> Rule:
    return Rule(
        lambda own: RefinedDiffusion(
            num_classes=own.num_classes, graph=own.graph, ties=ties, num_coverage_steps=num_coverage_steps
        )
    )


def _optimal(criterion: str) -> Rule:
    return Rule(lambda own: OptimalDesign(criterion=criterion, graph=own.graph), sees_classes=False)


def _poisson_laplace(own: Setting) -> PoissonLaplace:
    return PoissonLaplace(num_classes=own.num_classes, graph=own.graph, num_clusters=own.num_clusters)


# Rivals; Eq. (6) alone; the house's default, in which a single label leaves nothing to redistribute; what fixed
# features are advised, with each way of settling ties.
RULES: dict[str, Rule] = {
    "random": Rule(lambda own: Random(), sees_classes=False),
    "coreset": Rule(lambda own: Coreset(), sees_classes=False),
    "poisson-laplace": Rule(_poisson_laplace),
    "sigma-optimal": _optimal("sigma"),
    "variance-optimal": _optimal("variance"),
    "plain": _diffusion(criterion="min_abs", diversity="none", ties="random"),
    "house": _diffusion(criterion="root_reach_margin", diversity="redistribute", ties="random"),
    "refined": _diffusion(
        criterion="margin", diversity="redistribute", ties="random", num_refine_steps=_REFINE_STEPS
    ),
    "refined-coverage": _diffusion(
        criterion="margin", diversity="redistribute", ties="coverage", num_refine_steps=_REFINE_STEPS
    ),
    "refined-long-coverage": _refined("coverage", _LONG_COVERAGE),
    "refined-wide-coverage": _diffusion(
        criterion="margin", diversity="redistribute", ties="wide_coverage", num_refine_steps=_REFINE_STEPS
    ),
}  # fmt: skip
