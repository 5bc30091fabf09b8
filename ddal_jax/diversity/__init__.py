"""Batch rules: how the points of one query keep out of each other's way.

The B lowest scores lie side by side: what makes one point worth asking makes its neighbours so. Here a pick counts, for
the rest of its batch, as if it were labelled without a class, and points near it become less worth asking.
"""

from ddal_jax.diversity.masses import coverage, pick_mass
from ddal_jax.diversity.minima import local_minima
from ddal_jax.diversity.redistribution import redistribute

__all__ = ["coverage", "local_minima", "pick_mass", "redistribute"]
