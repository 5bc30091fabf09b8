"""Flax Linen modules behind the `Network` seam."""

from typing import cast

import jax
from flax import linen
from jaxtyping import Array, Float

from ddal_jax.networks.types import ApplyMask, Network, Outputs, TrainState

_Pair = tuple[jax.Array, jax.Array]


def from_linen(module: linen.Module, example: Float[Array, "n ..."]) -> Network:
    """Adapts a Linen module.

    Args:
      module: called as `module(x, *, train, mask)`, it must return `(logits, features)`; dropout draws from the
        "dropout" stream.
      example: an input of the right shape, to initialise with.
    """

    def init(key: jax.Array) -> TrainState:
        variables = module.init(key, example, train=False, mask=None)
        state = {name: value for name, value in variables.items() if name != "params"}
        return TrainState(variables["params"], state)

    def apply(params, state, x, key, *, train: bool, mask: ApplyMask = None) -> Outputs:
        variables = {"params": params, **state}
        if not train:
            logits, features = cast(_Pair, module.apply(variables, x, train=False, mask=mask))
            return Outputs(logits, features, state)
        outputs, state = module.apply(variables, x, train=True, mask=mask, rngs={"dropout": key}, mutable=list(state))
        logits, features = cast(_Pair, outputs)
        return Outputs(logits, features, state)

    return Network(init, apply)
