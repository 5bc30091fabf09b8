"""The strategies by name: what an experiment's settings make of each."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from ddal_jax import checks
from ddal_jax.experiments import variations
from ddal_jax.experiments.config import RunConfig
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.scores import CRITERIA
from ddal_jax.strategies import (
    BADGE,
    Coreset,
    Diffusion,
    PoissonLaplace,
    QueryStrategy,
    Random,
    Scored,
    TypiClust,
)

Make = Callable[[RunConfig, int], QueryStrategy]


class Entry(NamedTuple):
    """How a named strategy is made.

    Attributes:
      make: from the settings of a task and its number of classes.
      on_graph: whether it keeps a graph between two retrainings, on which it asks P sub-batches.
      with_dropout: whether its network is trained with dropout, added where there is none (appendix h).
      query_size: labels asked at once where that is not the task's B.
    """

    make: Make
    on_graph: bool = False
    with_dropout: bool = False
    query_size: int | None = None


def _diffusion(config: RunConfig, num_classes: int) -> Diffusion:
    return Diffusion(num_classes=num_classes, graph=config.graph, settings=config.query)


def as_printed(graph: GraphSettings) -> GraphSettings:
    """Returns the same K on the directed graph that Eq. (1) prints, and T by the paper's rule unless it is fixed."""
    return dataclasses.replace(graph, symmetrize="none", metric="euclidean", fewest_steps=0)


def _diffusion_as_printed(config: RunConfig, num_classes: int) -> Diffusion:
    settings = QuerySettings(criterion="min_abs", diversity="none", ties="random")
    return Diffusion(num_classes=num_classes, graph=as_printed(config.graph), settings=settings)


def _diffusion_at_once(criterion: str | None = None) -> Make:
    def make(config: RunConfig, num_classes: int) -> Diffusion:
        settings = QuerySettings(criterion=criterion or config.query.criterion, diversity="none", ties="random")
        return Diffusion(num_classes=num_classes, graph=config.graph, settings=settings)

    return make


def _diffusion_by_rule(diversity: str) -> Make:
    def make(config: RunConfig, num_classes: int) -> Diffusion:
        settings = dataclasses.replace(config.query, diversity=diversity)
        return Diffusion(num_classes=num_classes, graph=config.graph, settings=settings)

    return make


def _scored(score: str) -> Entry:
    strategy = Scored(score=score)
    return Entry(lambda config, num_classes: strategy, with_dropout="mc_probs" in strategy.requires)


def _poisson_laplace(config: RunConfig, num_classes: int) -> PoissonLaplace:
    return PoissonLaplace(num_classes=num_classes, graph=config.graph)


# The paper's nine; what a user would pick instead; other batch rules; the appendix's criteria, whose B lowest are asked
# at once, as the paper asks. `diffusion` picks as `RunConfig.query` says, by default as the house does;
# `diffusion-plain` is the house's criterion and graph without a batch rule. Strategies with dropout train another
# network than the others, and `random-dropout` tells what that alone does.
STRATEGIES: dict[str, Entry] = {
    "random": Entry(lambda config, num_classes: Random()),
    "random-dropout": Entry(lambda config, num_classes: Random(), with_dropout=True),
    "uncertainty": _scored("uncertainty"),
    "coreset": Entry(lambda config, num_classes: Coreset()),
    "coreset-inputs": Entry(lambda config, num_classes: Coreset(space="inputs")),
    "bayes-entropy": _scored("bayes_entropy"),
    "entropy": _scored("entropy"),
    "margin": _scored("margin"),
    "bayes-uncertainty": _scored("bayes_uncertainty"),
    "badge": Entry(lambda config, num_classes: BADGE()),
    "diffusion-paper": Entry(_diffusion_as_printed, on_graph=True),
    "diffusion": Entry(_diffusion, on_graph=True),
    "bald": _scored("bald"),
    "typiclust": Entry(lambda config, num_classes: TypiClust()),
    "poisson-laplace": Entry(_poisson_laplace, on_graph=True),
    "diffusion-plain": Entry(_diffusion_at_once(), on_graph=True),
    "diffusion-coverage": Entry(_diffusion_by_rule("coverage"), on_graph=True),
    "diffusion-local-minima": Entry(_diffusion_by_rule("local_minima"), on_graph=True),
    **{f"diffusion-{name.replace('_', '-')}": Entry(_diffusion_at_once(name), on_graph=True) for name in CRITERIA},
}
# In the order of the legend of Fig. 4.
PAPERS_NINE = (
    "random", "uncertainty", "coreset", "bayes-entropy", "entropy", "margin", "bayes-uncertainty", "badge",
    "diffusion-paper",
)  # fmt: skip


def entry(name: str) -> Entry:
    """Returns how a strategy is made: one of `STRATEGIES`, or `diffusion` with changes (see `variations`).

    Raises:
      ValueError: an unknown name, or a change that cannot be read.
    """
    base = name.split(variations.SEPARATOR)[0]
    if base == name or base != "diffusion":
        return STRATEGIES[checks.choice("strategies", name, STRATEGIES)]
    variation = variations.read(name)

    def make(config: RunConfig, num_classes: int) -> Diffusion:
        return variation.strategy(config.graph, config.query, num_classes)

    return Entry(make, on_graph=True, query_size=variation.query_size)
