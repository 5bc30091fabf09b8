"""Named experiments: those of the paper, offline stand-ins for some, and those that judge the batch rules."""

import dataclasses

from ddal_jax.experiments.batch_rules import ABLATION, CONFIRMATION
from ddal_jax.experiments.config import RunConfig
from ddal_jax.experiments.tasks import (
    BINARY_BOARD,
    CIFAR10,
    CRITERIA,
    DIGITS,
    MNIST,
    MNIST_CONV,
    MULTICLASS_BOARD,
    OPENML155,
    POKER,
    SVHN,
    THREE_BLOBS,
    robustness,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """Tasks that are run and judged together.

    Attributes:
      summary: what it shows, in a line.
      runs: one per task.
      pictures: names of figures drawn beyond those that every experiment gets.
      challenger: a strategy that is tested against each other one, by itself.
      grid_of: where the tasks are one and the same with other batch sizes and epochs, its name.
    """

    summary: str
    runs: tuple[RunConfig, ...]
    pictures: tuple[str, ...] = ()
    challenger: str | None = None
    grid_of: str | None = None

    def named(self, config: RunConfig) -> RunConfig:
        """Returns a task under the name that says where in the grid it lies, if there is one."""
        if self.grid_of is None:
            return config
        place = f"B={config.labels_per_cycle}, {config.training.num_epochs} epochs"
        return dataclasses.replace(config, task=f"{self.grid_of}, {place}")


EXPERIMENTS = {
    "fig1": Experiment(
        summary="three stages of one run on its graph", runs=(THREE_BLOBS,), pictures=("stages",)
    ),
    "fig2": Experiment(
        summary="exploration and refinement on the multi-class checkerboard, as a movie",
        runs=(MULTICLASS_BOARD,), pictures=("movie",),
    ),
    "fig3": Experiment(
        summary="where each strategy asks on the binary checkerboard", runs=(BINARY_BOARD,), pictures=("board",)
    ),
    "fig4-mnist-mlp": Experiment(summary="MNIST, fully connected network", runs=(MNIST,)),
    "fig4-mnist-conv": Experiment(summary="MNIST, convolutional network", runs=(MNIST_CONV,)),
    "fig4-svhn": Experiment(summary="SVHN, VGG-16", runs=(SVHN,)),
    "fig4-cifar10": Experiment(summary="CIFAR-10, frozen VGG-16 features", runs=(CIFAR10,)),
    "fig4-openml155": Experiment(summary="OpenML-155, poker hands", runs=(OPENML155,)),
    "fig5": Experiment(
        summary="robustness to batch size and epochs on OpenML-155", runs=robustness(OPENML155),
        pictures=("robustness",), grid_of=OPENML155.task,
    ),
    "fig5-poker": Experiment(
        summary="robustness to batch size and epochs on enumerated poker hands, offline", runs=robustness(POKER),
        pictures=("robustness",), grid_of=POKER.task,
    ),
    "criteria": Experiment(
        summary="the criteria of the paper's appendix on digits, on the symmetric graph, offline", runs=(CRITERIA,)
    ),
    "digits": Experiment(summary="every strategy on scikit-learn's digits, offline", runs=(DIGITS,)),
    "batch-rules": Experiment(
        summary="the house's batch rule against its rivals, seven tasks on seeds used for nothing else, offline",
        runs=CONFIRMATION, challenger="diffusion",
    ),
    "batch-rules-ablation": Experiment(
        summary="what each part of the house's batch rule is worth on digits, offline", runs=(ABLATION,)
    ),
    "poker": Experiment(summary="every strategy on enumerated poker hands, offline", runs=(POKER,)),
}  # fmt: skip

_DEMO_STRATEGIES = ("random", "margin", "diffusion-min-abs")
DEMO = (
    dataclasses.replace(DIGITS, strategies=_DEMO_STRATEGIES, budget=200),
    dataclasses.replace(BINARY_BOARD, strategies=_DEMO_STRATEGIES, num_seeds=4),
)
