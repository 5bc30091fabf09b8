"""The convolutional part of VGG-16: what a trained network of that shape shares with a frozen one.

Images are [n, h, w, c]. A frozen part is a plain tuple of weights; `embed` turns a pool into features with it, once,
after which the experiment trains a small head (appendix d).
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import lax
from jaxtyping import Array, Float, Key, Shaped

from ddal_jax import checks

CHANNELS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
SMALLEST_IMAGE = 32
_LAST_OF_BLOCK = (1, 3, 6, 9, 12)
# Of ImageNet's red, green and blue on a scale from 0 to 1: what the pre-trained weights expect to be taken out.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)

he_normal = jax.nn.initializers.variance_scaling(2.0, "fan_out", "normal")


class ConvWeights(NamedTuple):
    """One 3 x 3 convolution."""

    kernel: Float[Array, "3 3 i o"]
    bias: Float[Array, " o"]


VGG16Weights = tuple[ConvWeights, ...]


def through_blocks(
    convolutions: Sequence[Callable[[jax.Array], jax.Array]], images: Float[Array, "n h w i"]
) -> Float[Array, "n p q o"]:
    """Runs the thirteen convolutions with ReLU, the last of each block followed by 2 x 2 max-pooling.

    Args:
      convolutions: each padded so as to keep height and width.
      images: each side shrinks by 32, rounded down.
    """
    for layer, convolution in enumerate(convolutions):
        images = nnx.relu(convolution(images))
        if layer in _LAST_OF_BLOCK:
            images = max_pool(images)
    return images


def max_pool(images: Float[Array, "n h w i"]) -> Float[Array, "n p q i"]:
    """Takes the largest value of each 2 x 2 patch; an odd last row or column is left out, as in PyTorch."""
    return nnx.max_pool(images, (2, 2), strides=(2, 2))


def random_vgg16(key: Key[Array, ""]) -> VGG16Weights:
    """Draws weights for runs without the pre-trained ones: He over the outputs, no bias, as torchvision starts.

    Whoever uses them must say loudly that nothing was learned from ImageNet.
    """
    sizes = zip((3, *CHANNELS), CHANNELS, strict=False)
    keys = jax.random.split(key, len(CHANNELS))
    return tuple(
        ConvWeights(he_normal(layer_key, (3, 3, inputs, outputs), jnp.float32), jnp.zeros(outputs))
        for layer_key, (inputs, outputs) in zip(keys, sizes, strict=True)
    )


def embed(
    images: Shaped[np.ndarray | Array, "n h w 3"], params: VGG16Weights, *, block_size: int
) -> Float[np.ndarray, "n d"]:
    """Turns images into the features that a frozen VGG-16 gives.

    Works in Python over blocks of one compiled shape: memory holds the activations of one block, and nothing convolves
    inside a compiled loop.

    Args:
      images: values in [0, 1]; standardised here with ImageNet's mean and deviation.
      params: from `load_vgg16` or `random_vgg16`.
      block_size: images at a time; the last block is filled up.

    Returns:
      512 features for images of 32 x 32. Larger ones leave several places, flattened channel first as in PyTorch, so
      that a head trained there would fit: 512 * (h // 32) * (w // 32) features.

    Raises:
      TypeError: images of another kind than floats.
      ValueError: images that are too small, hold no colours, or lie outside [0, 1].

    Paper: appendix d (CIFAR10).
    """
    checks.integer("block_size", block_size, low=1)
    images = np.asarray(images)
    _check_images(images)
    blocks = []
    for start in range(0, len(images), block_size):
        block = np.asarray(images[start : start + block_size], np.float32)
        filled = np.zeros((block_size, *block.shape[1:]), np.float32)
        filled[: len(block)] = block
        blocks.append(np.asarray(_embed_block(jnp.asarray(filled), params))[: len(block)])
    return np.concatenate(blocks)


@jax.jit
def _embed_block(images: Float[Array, "n h w 3"], params: VGG16Weights) -> Float[Array, "n d"]:
    standard = (images - jnp.asarray(_MEAN).reshape(1, 1, 1, 3)) / jnp.asarray(_DEVIATION).reshape(1, 1, 1, 3)
    activations = through_blocks([functools.partial(_convolve, layer) for layer in params], standard)
    return jnp.moveaxis(activations, 3, 1).reshape(images.shape[0], -1)


def _convolve(layer: ConvWeights, images: Float[Array, "n h w i"]) -> Float[Array, "n h w o"]:
    # Frozen features are computed once and decide who is whose neighbour: worth full float32 on every device.
    product = lax.conv_general_dilated(
        images, layer.kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), precision="highest"
    )
    return product + layer.bias[None, None, None, :]


def _check_images(images: np.ndarray) -> None:
    shape = images.shape
    if len(shape) != 4 or shape[0] < 1 or min(shape[1:3]) < SMALLEST_IMAGE or shape[3] != 3:
        raise ValueError(
            f"images must have shape [n, h, w, 3] with n at least 1, h and w at least {SMALLEST_IMAGE}; got {shape}."
        )
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise TypeError(f"images must be floats in [0, 1]; got dtype {images.dtype} (divide 8-bit values by 255).")
    smallest, largest = float(images.min()), float(images.max())
    if not (smallest >= 0 and largest <= 1):
        raise ValueError(f"images must lie in [0, 1]; got values from {smallest:g} to {largest:g}.")
