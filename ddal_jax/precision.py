"""Float64 where a question needs it: spectra of long paths, limits of slow diffusions, symmetric ties."""

import contextlib
from collections.abc import Iterator

import jax


@contextlib.contextmanager
def double() -> Iterator[None]:
    """Switches JAX's x64 mode on, and back to what it was. The mode is the process's: other threads share it.

    The kernels work in the precision of the graph they are given; `graph.precision.with_dtype` changes it.
    """
    before = jax.config.read("jax_enable_x64")
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)
