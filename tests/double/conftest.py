"""Claims in float64, collected only where JAX's x64 mode is on: `tests/test_double.py` runs them in its own process."""

import hypothesis
import jax

collect_ignore_glob = [] if jax.config.jax_enable_x64 else ["*.py"]

hypothesis.settings.register_profile(
    "many", deadline=None, max_examples=400, derandomize=True, database=None, suppress_health_check=["too_slow"]
)


def pytest_ignore_collect(collection_path, config):
    """Leaves to the slow run what takes long to import, and what is held in float32 by tests outside this folder."""
    is_slow = collection_path.name.endswith(("_measured.py", "_graph.py", "_diffusion.py", "_criteria.py"))
    return True if is_slow and "not slow" in config.option.markexpr else None
