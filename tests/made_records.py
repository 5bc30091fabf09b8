"""Records made up for the evaluation, whose curves are known."""

import numpy as np

from ddal_jax.experiments.results import Record

TWO = {"random": [[0.5, 0.6, 0.7], [0.5, 0.7, 0.7]], "other": [[0.5, 0.8, 0.9], [0.6, 0.8, 0.8]]}
GAINS = {"random": 0.0, "worse": -0.05, "better": 0.05, "equal": 0.0}


def records_of(curves, counts=(10, 20, 30), *, task="toy", first_seed=0, query_seconds=0.5):
    """Records whose accuracy is `curves[strategy][seed, checkpoint]`; balanced accuracy is half of it.

    Cycle 0 asks what no label reaches and the others what one does; each query is `cycle` away from the boundary.
    """
    made = []
    for strategy, of_seeds in curves.items():
        for seed, curve in enumerate(np.asarray(of_seeds, float), start=first_seed):
            for cycle, (count, accuracy) in enumerate(zip(counts, curve, strict=False)):
                asked = [] if cycle == len(counts) - 1 else [7, 8]
                made.append(
                    Record(
                        task=task, strategy=strategy, seed=seed, cycle=cycle, num_labeled=count,
                        accuracy=float(accuracy), balanced_accuracy=float(accuracy) / 2, queried=asked,
                        reached=[cycle > 0] * len(asked), points=None, boundary_distances=[float(cycle)] * len(asked),
                        training_seconds=1.0, acquisition_seconds=60.0 if cycle == 0 else query_seconds,
                    )
                )  # fmt: skip
    return made


def noisy(gains, *, num_seeds, num_checkpoints=6, noise=0.01, seed=0):
    """Rising curves, each strategy above the common one by its gain, with noise of its own."""
    random = np.random.default_rng(seed)
    rise = 0.5 + 0.4 * (1 - np.exp(-np.arange(num_checkpoints) / 2))
    return {
        name: rise + gain + noise * random.normal(size=(num_seeds, num_checkpoints)) for name, gain in gains.items()
    }


def record(**changes) -> Record:
    """One record, but for what is said."""
    plain = {
        "task": "digits", "strategy": "random", "seed": 0, "cycle": 0, "num_labeled": 20, "accuracy": 0.5,
        "balanced_accuracy": 0.5, "queried": [3, 1], "reached": [True, False], "points": None,
        "boundary_distances": None, "training_seconds": 0.2, "acquisition_seconds": 0.1,
    }  # fmt: skip
    return Record(**(plain | changes))
