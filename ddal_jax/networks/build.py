"""The one door through which an architecture becomes a network of the data's sizes."""

import functools
from collections.abc import Callable

from flax import nnx

from ddal_jax import checks
from ddal_jax.networks import vgg
from ddal_jax.networks.architectures import MLP, VGG16, Architecture, ConvNet
from ddal_jax.networks.modules import ConvNetModule, MLPModule, VGG16Module
from ddal_jax.networks.nnx import from_nnx
from ddal_jax.networks.types import Network


def network(architecture: Architecture, *, input_shape: tuple[int, ...], num_classes: int) -> Network:
    """Returns the network of an architecture; equal arguments share one network and so one compilation.

    Networks that differ in dropout alone have the same parameters, and the same key gives them the same values.

    Args:
      architecture: settings.
      input_shape: of one input, without the axis that counts inputs. Convolutions read `(height, width, channels)`.
      num_classes: outputs.

    Raises:
      ValueError: an architecture that convolves got inputs that are no images, or too small for it.
    """
    shape = tuple(checks.integer("input_shape", size, low=1) for size in input_shape)
    return _network(architecture, shape, checks.integer("num_classes", num_classes, low=1))


@functools.cache
def _network(architecture: Architecture, shape: tuple[int, ...], num_classes: int) -> Network:
    _check_shape(architecture, shape)
    build = functools.partial(_MODULES[type(architecture)], architecture, shape, num_classes)
    return from_nnx(build, convolutional=not isinstance(architecture, MLP))


_MODULES: dict[type[Architecture], Callable[..., nnx.Module]] = {
    MLP: MLPModule,
    ConvNet: ConvNetModule,
    VGG16: VGG16Module,
}


def _check_shape(architecture: Architecture, shape: tuple[int, ...]) -> None:
    """Refuses images on which nothing would be left after the pooling."""
    match architecture:
        case MLP():
            if not shape:
                raise ValueError("input_shape must have at least one axis; got ().")
            return
        case ConvNet(kernel_size=size):
            smallest = size + 1
        case VGG16():
            smallest = vgg.SMALLEST_IMAGE
    if len(shape) != 3 or min(shape[:2]) < smallest:
        raise ValueError(
            f"input_shape must be (height, width, channels) of at least {smallest} x {smallest} for "
            f"{type(architecture).__name__}; got {shape}."
        )
