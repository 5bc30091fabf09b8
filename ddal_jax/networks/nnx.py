"""Flax NNX modules behind the `Network` seam."""

from collections.abc import Callable

import jax
from flax import nnx

from ddal_jax.networks.types import ApplyMask, Network, Outputs, TrainState


def from_nnx(build: Callable[[nnx.Rngs], nnx.Module], *, convolutional: bool = False) -> Network:
    """Adapts an NNX module.

    Args:
      build: makes the module from `nnx.Rngs`. Calling the module as `module(x, *, mask, rngs)` must return
        `(logits, features)`; layers that draw random numbers take `rngs` at the call, and `nnx.Dropout` made without
        `rngs` leaves the other layers' initial values as they are without it.
      convolutional: whether the module convolves; see `Network`.

    Returns:
      The network; it can `sample` if the module holds an `nnx.Dropout` of a rate above 0. Two calls with the same
      `build` give networks that compile apart: make one and keep it.
    """
    abstract = nnx.eval_shape(lambda: build(nnx.Rngs(0)))
    abstract.train()
    train_definition = nnx.split(abstract, nnx.Param, ...)[0]
    abstract.eval()
    eval_definition = nnx.split(abstract, nnx.Param, ...)[0]

    def init(key: jax.Array) -> TrainState:
        _, params, state = nnx.split(build(nnx.Rngs(key)), nnx.Param, ...)
        return TrainState(params, state)

    def run(definition, params, state, x, key, mask) -> Outputs:
        # Without the copy, BatchNorm would write its statistics into arrays of an outer trace and fail.
        module = nnx.merge(definition, params, state, copy=True)
        logits, features = module(x, mask=mask, rngs=nnx.Rngs(dropout=key))
        return Outputs(logits, features, nnx.split(module, nnx.Param, ...)[2])

    def apply(params, state, x, key, *, train: bool, mask: ApplyMask = None) -> Outputs:
        return run(train_definition if train else eval_definition, params, state, x, key, mask)

    if not _drops(abstract):
        return Network(init, apply, convolutional=convolutional)
    abstract.set_attributes(nnx.Dropout, deterministic=False)
    sample_definition = nnx.split(abstract, nnx.Param, ...)[0]

    def sample(params, state, x, key) -> Outputs:
        return run(sample_definition, params, state, x, key, None)

    return Network(init, apply, sample, convolutional)


def _drops(module: nnx.Module) -> bool:
    return any(isinstance(node, nnx.Dropout) and node.rate > 0 for _, node in nnx.iter_graph(module))
