"""Named experiments are the paper's, number by number."""

import dataclasses
import json

import pytest

from ddal_jax.data import catalog, openml
from ddal_jax.experiments.build import check
from ddal_jax.experiments.catalog import PAPERS_NINE
from ddal_jax.experiments.presets import EXPERIMENTS
from ddal_jax.networks.architectures import MLP, VGG16, ConvNet

RUNS = [(name, config) for name, experiment in EXPERIMENTS.items() for config in experiment.runs]


@pytest.mark.parametrize(("name", "config"), RUNS, ids=[f"{name}: {config.task}" for name, config in RUNS])
def test_named_experiments_name_things_that_exist(name, config, monkeypatch):
    monkeypatch.setattr("ddal_jax.experiments.build.check_embedding", lambda embedding: None)

    check(config)
    json.dumps(config.as_dict())


def test_tasks_of_an_experiment_have_names_of_their_own():
    for experiment in EXPERIMENTS.values():
        tasks = [config.task for config in experiment.runs]
        assert len(set(tasks)) == len(tasks)


_BOARD = (
    MLP(widths=(30, 30)),
    {"optimizer": "sgd", "minibatch_size": 1, "learning_rate": 1e-3, "momentum": 0.9, "num_epochs": 100},
    (4, 10, 1),
)
_ADAM_8 = {"optimizer": "adam", "minibatch_size": 8, "learning_rate": 1e-3, "num_epochs": 100}
PRINTED = {
    "fig2": _BOARD,
    "fig3": _BOARD,
    "fig4-mnist-mlp": (MLP(widths=(100, 50), batch_norm=True), _ADAM_8, (5, 10, 1)),
    "fig4-mnist-conv": (ConvNet(channels=16, kernel_size=5, widths=(20, 20), batch_norm=True), _ADAM_8, (5, 10, 1)),
    "fig4-cifar10": (MLP(widths=(512, 20), dropout=0.5), {"optimizer": "adam", "minibatch_size": 100,
                     "learning_rate": 3e-4, "num_epochs": 100, "halve_every": 30}, (4, 20, 10)),
    "fig4-svhn": (VGG16(), {"optimizer": "sgd", "minibatch_size": 50, "learning_rate": 0.005, "momentum": 0.9,
                  "weight_decay": 5e-4, "num_epochs": 50}, None),
    "fig4-openml155": (MLP(widths=(1024,)), {"optimizer": "adam", "learning_rate": 1e-4}, None),
}  # fmt: skip


@pytest.mark.parametrize("name", PRINTED)
def test_the_appendix_is_taken_as_printed(name):
    network, training, t_k_p = PRINTED[name]
    config = EXPERIMENTS[name].runs[0]

    assert config.network == network
    assert training.items() <= dataclasses.asdict(config.training).items()
    used = (config.graph.num_steps, config.graph.num_neighbors, config.num_sub_batches)
    assert t_k_p is None or used == t_k_p
    assert config.warm_start
    assert {*PAPERS_NINE, "diffusion"} <= set(config.strategies)
    if name in ("fig2", "fig3"):
        assert config.start_per_class == 4


def test_t_is_the_papers_but_where_the_houses_rule_is_judged():
    steps = {name: EXPERIMENTS[name].runs[0].graph.steps_for(1297) for name in ("digits", "criteria", "poker")}

    assert steps == {"digits": 4, "criteria": 4, "poker": 4}
    assert {config.graph.steps_for(1297) for config in EXPERIMENTS["batch-rules"].runs} == {6}
    assert {config.graph.steps_for(1297) for config in EXPERIMENTS["batch-rules-ablation"].runs} == {6}


def test_pools_and_test_sets_have_the_sizes_of_the_appendix():
    sizes = {"mnist": (10_000, 10_000), "cifar10": (50_000, 10_000), "svhn": (20_000, 26_032)}

    for name, (num_points, num_test) in sizes.items():
        source = catalog.DATA[name].args[0]
        assert isinstance(source, openml.Source)
        assert (source.num_points, source.num_test) == (num_points, num_test)


def test_every_named_data_set_is_loaded_by_its_name():
    assert {config.data.name for _, config in RUNS} <= set(catalog.DATA)
