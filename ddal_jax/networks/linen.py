"""Flax Linen modules behind the `Network` seam."""

from typing import cast

import jax
from flax import linen
from jaxtyping import Array, Float

from ddal_jax.networks.types import ApplyMask, Network, Outputs, TrainState

_Pair = tuple[jax.Array, jax.Array]


def from_linen(
    module: linen.Module,
    example: Float[Array, "n ..."],
    *,
    sampler: linen.Module | None = None,
    convolutional: bool = False,
) -> Network:
    """Adapts a Linen module.

    Args:
      module: called as `module(x, *, train, mask)`, it must return `(logits, features)`; dropout draws from the
        "dropout" stream.
      example: an input of the right shape, to initialise with.
      sampler: a module of the same parameters whose dropout draws with `train` false too, such as
        `module.clone(always_drop=True)` where a field `always_drop` of your own undoes `deterministic`. It makes the
        Monte Carlo passes; None gives a network that cannot `sample`.
      convolutional: whether the module convolves; see `Network`.
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

    if sampler is None:
        return Network(init, apply, convolutional=convolutional)

    def sample(params, state, x, key) -> Outputs:
        drawn = sampler.apply({"params": params, **state}, x, train=False, mask=None, rngs={"dropout": key})
        return Outputs(*cast(_Pair, drawn), state)

    return Network(init, apply, sample, convolutional)
