"""Flax NNX modules behind the `Network` seam, and the paper's multilayer perceptron."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from ddal_jax import checks
from ddal_jax.networks.types import ApplyMask, Network, Outputs, TrainState

# PyTorch's default momentum .1 weighs the new batch, Flax's weighs the old statistics.
BATCH_NORM_MOMENTUM = 0.9


def from_nnx(build: Callable[[nnx.Rngs], nnx.Module]) -> Network:
    """Adapts an NNX module.

    Args:
      build: makes the module from `nnx.Rngs`. Calling the module as `module(x, *, mask, rngs)` must return
        `(logits, features)`; layers that draw random numbers take `rngs` at the call.

    Returns:
      The network. Two calls with the same `build` give networks that compile apart: make one and keep it.
    """
    abstract = nnx.eval_shape(lambda: build(nnx.Rngs(0)))
    abstract.train()
    train_definition = nnx.split(abstract, nnx.Param, ...)[0]
    abstract.eval()
    eval_definition = nnx.split(abstract, nnx.Param, ...)[0]

    def init(key: jax.Array) -> TrainState:
        _, params, state = nnx.split(build(nnx.Rngs(key)), nnx.Param, ...)
        return TrainState(params, state)

    def apply(params, state, x, key, *, train: bool, mask: ApplyMask = None) -> Outputs:
        # Without the copy, BatchNorm would write its statistics into arrays of an outer trace and fail.
        module = nnx.merge(train_definition if train else eval_definition, params, state, copy=True)
        logits, features = module(x, mask=mask, rngs=nnx.Rngs(dropout=key))
        return Outputs(logits, features, nnx.split(module, nnx.Param, ...)[2])

    return Network(init, apply)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MLPSettings:
    """A fully connected ReLU network.

    Attributes:
      num_features: inputs.
      num_classes: outputs.
      widths: units of each hidden layer; the last one is the penultimate layer.
      batch_norm: a BatchNorm layer before each hidden layer, as the paper has for MNIST.
    """

    num_features: int
    num_classes: int
    widths: tuple[int, ...]
    batch_norm: bool

    def __post_init__(self) -> None:
        checks.integer("num_features", self.num_features, low=1)
        checks.integer("num_classes", self.num_classes, low=1)
        if not self.widths:
            raise ValueError("widths must name at least one hidden layer; got ().")
        for width in self.widths:
            checks.integer("widths", width, low=1)


@functools.cache
def mlp(settings: MLPSettings) -> Network:
    """Returns the network of `settings`; equal settings share one network and so one compilation.

    Paper: appendix b (checkerboard, 30/30) and c (MNIST, 100/50 with BatchNorm).
    """
    return from_nnx(functools.partial(_MLP, settings))


class _MLP(nnx.Module):
    def __init__(self, settings: MLPSettings, rngs: nnx.Rngs) -> None:
        self.num_hidden = len(settings.widths)
        self.batch_norm = settings.batch_norm
        sizes = (settings.num_features, *settings.widths)
        for layer, (inputs, outputs) in enumerate(zip(sizes, settings.widths, strict=False)):
            if settings.batch_norm:
                setattr(self, f"norm_{layer}", nnx.BatchNorm(inputs, momentum=BATCH_NORM_MOMENTUM, rngs=rngs))
            setattr(self, f"hidden_{layer}", _linear(inputs, outputs, rngs))
        self.logits = _linear(settings.widths[-1], settings.num_classes, rngs)

    def __call__(
        self, x: Float[Array, "n d"], *, mask: ApplyMask, rngs: nnx.Rngs
    ) -> tuple[Float[Array, "n c"], Float[Array, "n f"]]:
        del rngs
        for layer in range(self.num_hidden):
            if self.batch_norm:
                x = getattr(self, f"norm_{layer}")(x, mask=None if mask is None else mask[:, None])
            x = nnx.relu(getattr(self, f"hidden_{layer}")(x))
        return self.logits(x), x


def _linear(inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Linear:
    """Returns a layer with PyTorch's initial values, uniform within 1 / sqrt(inputs), since the paper used PyTorch."""
    uniform = functools.partial(_uniform, bound=inputs**-0.5)
    return nnx.Linear(inputs, outputs, kernel_init=uniform, bias_init=uniform, rngs=rngs)


def _uniform(key: jax.Array, shape: tuple[int, ...], dtype=jnp.float32, *, bound: float) -> jax.Array:
    return jax.random.uniform(key, shape, dtype, -bound, bound)
