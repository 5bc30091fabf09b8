"""The paper's networks as settings, without the sizes that the data bring (appendix b to h)."""

import dataclasses
import math
from typing import TypeVar

from ddal_jax import checks


@dataclasses.dataclass(frozen=True, kw_only=True)
class MLP:
    """A fully connected ReLU network; inputs of any shape are flattened.

    Attributes:
      widths: units of each hidden layer; the last one is the penultimate layer.
      batch_norm: a BatchNorm layer before each hidden layer, as the paper has for MNIST.
      dropout: share of units that a dropout layer after each hidden layer silences; 0 means no such layer.

    Paper: appendix b (checkerboard, 30/30), c (MNIST, 100/50 with BatchNorm), d (the head for CIFAR10, 512/20 with
      dropout), f (Openml155, 1024).
    """

    widths: tuple[int, ...]
    batch_norm: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _check_widths(self.widths)
        _check_dropout(self.dropout)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvNet:
    """One convolution, ReLU and 2 x 2 max-pooling, then a fully connected network.

    The paper's "padding 2" of the pooling is more than PyTorch allows for a kernel of 2, so we read it as the stride.
    The convolution has PyTorch's default padding, none.

    Attributes:
      channels: outputs of the convolution.
      kernel_size: its height and width.
      widths: as in `MLP`.
      batch_norm: a BatchNorm layer before each hidden fully connected layer; the convolution has none.
      dropout: as in `MLP`; the convolution has none.

    Paper: appendix c (MNIST, convolutional).
    """

    channels: int = 16
    kernel_size: int = 5
    widths: tuple[int, ...] = (20, 20)
    batch_norm: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        checks.integer("channels", self.channels, low=1)
        checks.integer("kernel_size", self.kernel_size, low=1)
        _check_widths(self.widths)
        _check_dropout(self.dropout)


@dataclasses.dataclass(frozen=True, kw_only=True)
class VGG16:
    """VGG-16 trained from scratch: thirteen 3 x 3 convolutions in five max-pooled blocks, then a dense head.

    The paper names the architecture alone. With two hidden layers the head keeps the sixteen weight layers and the
    dropout of the original; 512 units, not 4096, suit the 512 features that images of 32 x 32 leave.

    Attributes:
      widths: units of each hidden layer of the head.
      batch_norm: a BatchNorm layer after each convolution, which the original does not have; training starts sooner.
      dropout: as in `MLP`; the convolutions have none.

    Paper: appendix e (SVHN).
    """

    widths: tuple[int, ...] = (512, 512)
    batch_norm: bool = False
    dropout: float = 0.5

    def __post_init__(self) -> None:
        _check_widths(self.widths)
        _check_dropout(self.dropout)


Architecture = MLP | ConvNet | VGG16
_Architecture = TypeVar("_Architecture", bound=Architecture)


def with_dropout(architecture: _Architecture, *, rate: float = 0.5) -> _Architecture:
    """Adds dropout of `rate` after each hidden layer of an architecture that has none; others stay as they are.

    The initial weights stay the same. The paper gives no rate; ours is PyTorch's default.

    Paper: appendix h (what the Bayesian criteria need).
    """
    return architecture if architecture.dropout else dataclasses.replace(architecture, dropout=rate)


def _check_widths(widths: tuple[int, ...]) -> None:
    if not isinstance(widths, tuple):
        raise TypeError(f"widths must be a tuple of integers; got {widths!r}.")
    if not widths:
        raise ValueError("widths must name at least one hidden layer; got ().")
    for width in widths:
        checks.integer("widths", width, low=1)


def _check_dropout(rate: float) -> None:
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise TypeError(f"dropout must be a number in [0, 1); got {rate!r}.")
    if not (math.isfinite(rate) and 0 <= rate < 1):
        raise ValueError(f"dropout must lie in [0, 1); got {rate}.")
