"""Entry of `python -m benchmarks`."""

import sys

import jax

from benchmarks.cli import main

if __name__ == "__main__":
    # A program fetched from a cache on disk would pass for a fast compilation.
    jax.config.update("jax_enable_compilation_cache", False)
    sys.exit(main())
