"""A round of training in PyTorch: the same network from the same initial values, one step after the other."""

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from benchmarks.peers import Peer
from benchmarks.sizes import Sizes
from ddal_jax.training import TrainSettings


def prepare(
    sizes: Sizes, key, train, inputs, labels, chosen, num_labeled, *, settings: TrainSettings, fused: bool
) -> tuple:
    """Gives the labelled rows, the initial values by layer, and how the optimiser is made."""
    rows = chosen[: int(num_labeled)]
    values: dict[str, dict[str, np.ndarray]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(train.params):
        layer, name = re.findall(r"\['(\w+)'\]", jax.tree_util.keystr(path))[:2]
        values.setdefault(layer, {})[name] = leaf
    return inputs[rows].reshape(len(rows), -1), labels[rows], values, settings, sizes.epochs, fused


def train(inputs, labels, values, settings: TrainSettings, num_epochs: int, fused: bool) -> Callable:
    """Shuffles and steps through the epochs; returns the network as a function from inputs to logits."""
    import torch

    with _threads(1 if fused else torch.get_num_threads()):
        network = _network(values)
        x, y = torch.tensor(inputs), torch.tensor(labels, dtype=torch.long)
        optimizer = _optimizer(network.parameters(), settings, fused)
        loss = torch.nn.CrossEntropyLoss()
        network.train()
        for _ in range(num_epochs):
            for rows in torch.randperm(len(x)).split(settings.minibatch_size):
                optimizer.zero_grad()
                loss(network(x[rows]), y[rows]).backward()
                optimizer.step()
        network.eval()
    return functools.partial(_logits, network)


def _network(values: dict[str, dict[str, np.ndarray]]) -> Any:
    """Stacks a BatchNorm layer where there is one, a linear layer and ReLU, and the last linear layer."""
    import torch

    layers = []
    for place in range(sum(name.startswith("hidden_") for name in values)):
        norm = values.get(f"norm_{place}")
        if norm is not None:
            layers.append(torch.nn.BatchNorm1d(len(norm["scale"])))
        layers += [_linear(values[f"hidden_{place}"]), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers, _linear(values["logits"]))


def _linear(values: dict[str, np.ndarray]) -> Any:
    import torch

    layer = torch.nn.Linear(*values["kernel"].shape)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(values["kernel"].T))
        layer.bias.copy_(torch.tensor(values["bias"]))
    return layer


def _optimizer(parameters, settings: TrainSettings, fused: bool) -> Any:
    import torch

    if settings.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=settings.learning_rate, fused=fused)
    return torch.optim.SGD(parameters, lr=settings.learning_rate, momentum=settings.momentum, fused=fused)


def _logits(network: Any, inputs: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return network(torch.tensor(inputs)).numpy()


@contextmanager
def _threads(number: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def torch_peers(settings: TrainSettings) -> dict[str, Peer]:
    """Returns PyTorch as one writes it, and its best setting for small networks: one thread, a fused optimiser."""
    return {
        name: Peer(
            module="torch",
            package="torch",
            prepare=functools.partial(prepare, settings=settings, fused=fused),
            run=train,
        )
        for name, fused in (("torch", False), ("torch best", True))
    }
