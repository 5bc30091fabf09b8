"""The example is what it claims: one experiment under one `jax.jit`."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "one_jit.py"


@pytest.fixture
def example(monkeypatch):
    specification = importlib.util.spec_from_file_location("one_jit", EXAMPLE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "NUM_EPOCHS", 5)
    return module


@pytest.mark.slow
def test_the_example_runs_as_one_program_and_asks_new_points_each_cycle(example):
    x = jax.random.normal(jax.random.key(1), (80, 2))
    y = (x[:, 0] > 0).astype(jnp.int32)
    params = {
        "hidden": jax.random.normal(jax.random.key(2), (2, 8)),
        "bias": jnp.zeros((1, 8)),
        "out": jnp.zeros((8, example.NUM_CLASSES)),
    }

    accuracy, asked = example.experiment(jax.random.key(0), params, x, y, jnp.arange(80) < 3)

    assert accuracy.shape == (example.NUM_CYCLES,)
    assert asked.shape == (example.NUM_CYCLES, example.QUERY_SIZE)
    assert len(set(asked.ravel().tolist())) == asked.size
    assert example.experiment._cache_size() == 1
