"""A graph in another precision: what is computed on a graph is computed in the precision of its weights."""

import functools

import jax
from jax.typing import DTypeLike

from ddal_jax.graph.table import degrees_of
from ddal_jax.graph.types import AnyGraph


@functools.partial(jax.jit, static_argnames="dtype")
def with_dtype(graph: AnyGraph, dtype: DTypeLike) -> AnyGraph:
    """Returns the graph with its weights in `dtype` and its degrees summed from them anew.

    Float64 needs JAX's x64 mode; see `ddal_jax.precision.double`.
    """
    weights = graph.weights.astype(dtype)
    degrees = degrees_of(weights, graph.owners, graph.degrees.shape[0])
    return graph._replace(weights=weights, degrees=degrees)
