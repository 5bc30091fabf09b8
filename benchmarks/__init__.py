"""Times the numerical kernels of `ddal_jax` beside named peers: `python -m benchmarks --help`."""
