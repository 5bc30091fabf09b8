"""What a results file says of a task before its first record."""

import dataclasses
import hashlib
from typing import Any

import jax
import numpy as np

from ddal_jax.experiments.build import Trial
from ddal_jax.experiments.catalog import entry
from ddal_jax.experiments.config import plain
from ddal_jax.experiments.results import RunHeader, environment
from ddal_jax.loop import LoopSettings
from ddal_jax.networks.architectures import with_dropout


def header(trial: Trial) -> RunHeader:
    """Returns the header of a task about to be run here."""
    return RunHeader(
        task=trial.config.task,
        config=trial.config.as_dict(),
        environment=environment(),
        strategies={name: _strategy(name, trial, settings) for name, settings in trial.settings.items()},
        data=_data(trial),
    )


def _strategy(name: str, trial: Trial, settings: LoopSettings) -> dict[str, Any]:
    architecture = trial.config.network
    if entry(name).with_dropout:
        architecture = with_dropout(architecture)
    return {
        "kind": type(settings.strategy).__name__,
        "settings": plain(dataclasses.asdict(settings.strategy)),  # pyright: ignore[reportArgumentType]  # all are
        "query_size": settings.query_size,
        "num_sub_batches": settings.num_sub_batches,
        "dropout": architecture.dropout,
        "num_passes": settings.num_passes if "mc_probs" in settings.strategy.requires else None,
    }


def _data(trial: Trial) -> dict[str, Any]:
    tasks = trial.tasks
    digest = hashlib.sha256()
    for part in (tasks.inputs, tasks.labels, tasks.test_inputs, tasks.test_labels, trial.states.chosen):
        array = np.ascontiguousarray(jax.device_get(part))
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.data)
    return {
        "num_points": tasks.labels.shape[1],
        "num_test": tasks.test_labels.shape[1],
        "num_classes": trial.num_classes,
        "input_shape": list(tasks.inputs.shape[2:]),
        "sha256": digest.hexdigest(),
    }
