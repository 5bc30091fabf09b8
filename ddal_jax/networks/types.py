"""The one shape in which the rest of the project knows a network."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import Array, Bool, Float, PyTree


class TrainState(NamedTuple):
    """What training changes.

    Attributes:
      params: what the optimiser updates.
      state: what a forward pass in training mode updates (running statistics).
    """

    params: PyTree
    state: PyTree


class Outputs(NamedTuple):
    """What a forward pass yields.

    Attributes:
      logits: one score per class.
      features: what the last layer reads, activations of the penultimate layer, on which the graph is built. Where
        dropout follows that layer they come after it, which is the same thing in evaluation mode.
      state: running statistics after the pass; unchanged in evaluation mode.
    """

    logits: Float[Array, "n c"]
    features: Float[Array, "n d"]
    state: PyTree


@dataclasses.dataclass(frozen=True)
class Network:
    """A network as pure functions; hashable, so that one network is compiled once.

    Attributes:
      init: `init(key) -> TrainState`.
      apply: `apply(params, state, x, key, *, train, mask) -> Outputs`. `key` draws dropout. With `train` false, running
        statistics are used and nothing is random. `mask` is False for rows that only fill a minibatch: they must not
        enter batch statistics.
      sample: `sample(params, state, x, key) -> Outputs`, one Monte Carlo pass: the key draws dropout, all else is as in
        evaluation mode, and the state comes back as it was. None where the network has no dropout.
      convolutional: whether it convolves. XLA runs convolutions inside a compiled loop on a CPU several times slower
        than one step after the other, so whoever drives the training wants to know.
    """

    init: Callable[[Any], TrainState]
    apply: Callable[..., Outputs]
    sample: Callable[..., Outputs] | None = None
    convolutional: bool = False


ApplyMask = Bool[Array, " n"] | None
