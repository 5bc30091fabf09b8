"""Query strategies: one small protocol, pure functions over pool-sized arrays."""

from ddal_jax.strategies.badge import BADGE
from ddal_jax.strategies.base import Pool, QueryStrategy
from ddal_jax.strategies.diffusion import Diffusion
from ddal_jax.strategies.geometric import Coreset
from ddal_jax.strategies.optimal_design import OptimalDesign
from ddal_jax.strategies.poisson_laplace import PoissonLaplace
from ddal_jax.strategies.scored import Random, Scored
from ddal_jax.strategies.typiclust import TypiClust

__all__ = [
    "BADGE",
    "Coreset",
    "Diffusion",
    "OptimalDesign",
    "PoissonLaplace",
    "Pool",
    "QueryStrategy",
    "Random",
    "Scored",
    "TypiClust",
]
