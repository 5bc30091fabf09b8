"""Query strategies: one small protocol, pure functions over pool-sized arrays."""

from ddal_jax.strategies.base import Pool, QueryStrategy
from ddal_jax.strategies.diffusion import Diffusion
from ddal_jax.strategies.scored import Margin, Random

__all__ = ["Diffusion", "Margin", "Pool", "QueryStrategy", "Random"]
