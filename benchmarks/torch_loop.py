"""The loop of Fig. 3 for one strategy and one seed as one would write it in eager PyTorch.

PyTorch lives in an environment of its own: `python -m benchmarks.torch_loop` there (torch, numpy and jaxtyping) prints
the wall time. Beside it, in the project's environment:
`ddal run fig3 --strategies diffusion-paper --seeds 1`, whose records hold the same.
"""

import json
import time

import numpy as np
import torch

from ddal_jax.data.checkerboard import checkerboard

NUM_EPOCHS, QUERY_SIZE, BUDGET, START_PER_CLASS, NUM_NEIGHBORS, NUM_STEPS = 100, 10, 208, 4, 10, 4


class MLP(torch.nn.Module):
    """The paper's network for the checkerboard."""

    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Sequential(
            torch.nn.Linear(2, 30), torch.nn.ReLU(), torch.nn.Linear(30, 30), torch.nn.ReLU()
        )
        self.logits = torch.nn.Linear(30, 2)

    def forward(self, x):
        """Returns logits and penultimate activations."""
        features = self.hidden(x)
        return self.logits(features), features


def train(network, x, y, rows):
    """Takes 100 epochs of single points, from the previous configuration."""
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    loss = torch.nn.CrossEntropyLoss()
    for _ in range(NUM_EPOCHS):
        for row in rows[torch.randperm(len(rows))]:
            optimizer.zero_grad()
            loss(network(x[row : row + 1])[0], y[row : row + 1]).backward()
            optimizer.step()


@torch.no_grad()
def query(network, x, y, rows):
    """Builds the graph of Eq. (1), diffuses, and takes the smallest scores of Eq. (6), ties at random."""
    features = network(x)[1]
    squared = torch.cdist(features, features).square()
    squared.fill_diagonal_(torch.inf)
    distances, neighbors = squared.topk(NUM_NEIGHBORS, largest=False)
    width = distances[:, -1:]
    weights = torch.where(width > 0, torch.exp(-distances / width.clamp(min=1e-30)), 1.0)
    weights /= weights.sum(dim=1, keepdim=True)
    mass = torch.zeros(len(x), 2)
    mass[rows] = torch.nn.functional.one_hot(y[rows], 2).float()
    start = mass[rows].clone()
    for _ in range(NUM_STEPS):
        mass = (weights[:, :, None] * mass[neighbors]).sum(dim=1)
        mass[rows] = start
    scores = (2 * mass.max(dim=1).values - mass.sum(dim=1)).abs()
    scores[rows] = torch.inf
    order = torch.randperm(len(x))
    return order[scores[order].sort(stable=True).indices[:QUERY_SIZE]]


def main():
    """Runs the loop once and prints its time and final accuracy as JSON."""
    torch.manual_seed(0)
    split = checkerboard(0)
    x, y = torch.from_numpy(split.inputs), torch.from_numpy(split.labels).long()
    test_x, test_y = torch.from_numpy(split.test_inputs), torch.from_numpy(split.test_labels).long()
    random = np.random.default_rng(0)
    rows = torch.from_numpy(
        np.concatenate([random.permutation(np.flatnonzero(split.labels == c))[:START_PER_CLASS] for c in (0, 1)])
    )
    network = MLP()
    began = time.perf_counter()
    while True:
        train(network, x, y, rows)
        with torch.no_grad():
            accuracy = (network(test_x)[0].argmax(dim=1) == test_y).float().mean().item()
        if len(rows) >= BUDGET:
            break
        rows = torch.cat([rows, query(network, x, y, rows)[: BUDGET - len(rows)]])
    seconds = time.perf_counter() - began
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), "seconds": round(seconds, 1),
                      "labels": len(rows), "accuracy": round(accuracy, 3)}))  # fmt: skip


if __name__ == "__main__":
    main()
