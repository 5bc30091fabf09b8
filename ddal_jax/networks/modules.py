"""The modules behind the architectures, with the initial values of PyTorch, since the paper used PyTorch.

Dropout layers take their random numbers at the call, not when they are made: so a network and its dropout version have
the same parameters and draw the same initial values. BatchNorm keeps the biased variance in its running statistics,
where PyTorch keeps the unbiased one, and normalises a minibatch of a single row, which PyTorch refuses.
"""

import functools
import math

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from ddal_jax.networks import vgg
from ddal_jax.networks.architectures import MLP, VGG16, ConvNet
from ddal_jax.networks.types import ApplyMask

# PyTorch's default momentum .1 weighs the new batch, Flax's weighs the old statistics.
BATCH_NORM_MOMENTUM = 0.9

_Pair = tuple[Float[Array, "n c"], Float[Array, "n f"]]


class MLPModule(nnx.Module):
    """The network of `MLP`, and the head of the convolutional ones."""

    def __init__(self, settings: MLP, shape: tuple[int, ...], num_classes: int, rngs: nnx.Rngs) -> None:
        self.settings = settings
        sizes = (math.prod(shape), *settings.widths)
        for layer, (inputs, outputs) in enumerate(zip(sizes, settings.widths, strict=False)):
            if settings.batch_norm:
                setattr(self, f"norm_{layer}", nnx.BatchNorm(inputs, momentum=BATCH_NORM_MOMENTUM, rngs=rngs))
            setattr(self, f"hidden_{layer}", _linear(inputs, outputs, rngs))
            if settings.dropout:
                setattr(self, f"dropout_{layer}", nnx.Dropout(settings.dropout))
        self.logits = _linear(settings.widths[-1], num_classes, rngs)

    def __call__(self, x: Float[Array, "n ..."], *, mask: ApplyMask, rngs: nnx.Rngs) -> _Pair:
        """Returns logits and features."""
        x = x.reshape(x.shape[0], -1)
        for layer in range(len(self.settings.widths)):
            if self.settings.batch_norm:
                x = getattr(self, f"norm_{layer}")(x, mask=None if mask is None else mask[:, None])
            x = nnx.relu(getattr(self, f"hidden_{layer}")(x))
            if self.settings.dropout:
                x = getattr(self, f"dropout_{layer}")(x, rngs=rngs)
        return self.logits(x), x


class ConvNetModule(nnx.Module):
    """The network of `ConvNet`."""

    def __init__(self, settings: ConvNet, shape: tuple[int, ...], num_classes: int, rngs: nnx.Rngs) -> None:
        height, width, inputs = shape
        size = settings.kernel_size
        uniform = _pytorch_uniform(size * size * inputs)
        self.conv = nnx.Conv(
            inputs, settings.channels, (size, size), padding="VALID", kernel_init=uniform, bias_init=uniform, rngs=rngs
        )
        pooled = ((height - size + 1) // 2, (width - size + 1) // 2, settings.channels)
        head = MLP(widths=settings.widths, batch_norm=settings.batch_norm, dropout=settings.dropout)
        self.head = MLPModule(head, pooled, num_classes, rngs)

    def __call__(self, x: Float[Array, "n h w i"], *, mask: ApplyMask, rngs: nnx.Rngs) -> _Pair:
        """Returns logits and features."""
        return self.head(vgg.max_pool(nnx.relu(self.conv(x))), mask=mask, rngs=rngs)


class VGG16Module(nnx.Module):
    """The network of `VGG16`.

    The convolutions start as torchvision's VGG does (He, over the outputs; no bias). Thirteen layers of PyTorch's
    default values would shrink the signal by a factor of 6 ** 6.5: in a trial at an eighth of the channels, on digits,
    they had learned nothing after 400 steps, where He's had begun to learn after 150, those with BatchNorm after 25.
    """

    def __init__(self, settings: VGG16, shape: tuple[int, ...], num_classes: int, rngs: nnx.Rngs) -> None:
        height, width, inputs = shape
        for layer, outputs in enumerate(vgg.CHANNELS):
            conv = nnx.Conv(inputs, outputs, (3, 3), padding=1, kernel_init=vgg.he_normal, rngs=rngs)
            setattr(self, f"conv_{layer}", conv)
            if settings.batch_norm:
                setattr(self, f"norm_{layer}", nnx.BatchNorm(outputs, momentum=BATCH_NORM_MOMENTUM, rngs=rngs))
            inputs = outputs
        self.batch_norm = settings.batch_norm
        head = MLP(widths=settings.widths, dropout=settings.dropout)
        shrunk = (height // vgg.SMALLEST_IMAGE, width // vgg.SMALLEST_IMAGE, inputs)
        self.head = MLPModule(head, shrunk, num_classes, rngs)

    def __call__(self, x: Float[Array, "n h w i"], *, mask: ApplyMask, rngs: nnx.Rngs) -> _Pair:
        """Returns logits and features."""
        convolutions = [functools.partial(self._convolve, layer, mask) for layer in range(len(vgg.CHANNELS))]
        return self.head(vgg.through_blocks(convolutions, x), mask=mask, rngs=rngs)

    def _convolve(self, layer: int, mask: ApplyMask, x: Float[Array, "n h w i"]) -> Float[Array, "n h w o"]:
        x = getattr(self, f"conv_{layer}")(x)
        if not self.batch_norm:
            return x
        return getattr(self, f"norm_{layer}")(x, mask=None if mask is None else mask[:, None, None, None])


def _linear(inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Linear:
    uniform = _pytorch_uniform(inputs)
    return nnx.Linear(inputs, outputs, kernel_init=uniform, bias_init=uniform, rngs=rngs)


def _pytorch_uniform(fan_in: int) -> jax.nn.initializers.Initializer:
    """Draws weights and biases alike uniformly within 1 / sqrt(fan_in)."""
    return functools.partial(_uniform, bound=fan_in**-0.5)


def _uniform(key, shape, dtype=jnp.float32, out_sharding=None, *, bound: float) -> jax.Array:
    del out_sharding
    return jax.random.uniform(key, shape, dtype, -bound, bound)
