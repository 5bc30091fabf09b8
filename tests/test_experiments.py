"""Experiments are fair by construction, and what they were is written with what they found."""

import contextlib
import dataclasses
import gzip
import json

import jax
import numpy as np
import pytest
from made_records import record

from ddal_jax.data import catalog, openml
from ddal_jax.data.checkerboard import checkerboard, distance_to_boundary
from ddal_jax.data.digits import digits
from ddal_jax.experiments import journal, results
from ddal_jax.experiments.build import INITIAL_WEIGHTS, build, check
from ddal_jax.experiments.catalog import PAPERS_NINE, STRATEGIES, as_printed
from ddal_jax.experiments.config import DataSettings
from ddal_jax.experiments.header import header
from ddal_jax.experiments.presets import DEMO, EXPERIMENTS
from ddal_jax.experiments.results import RunHeader
from ddal_jax.experiments.run import num_cycles, run
from ddal_jax.experiments.summary import means
from ddal_jax.networks.architectures import MLP, VGG16, ConvNet
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.strategies import Random
from ddal_jax.training import TrainSettings

BOARD = EXPERIMENTS["fig3"].runs[0]
RUNS = [(name, config) for name, experiment in EXPERIMENTS.items() for config in experiment.runs]
TINY = dataclasses.replace(
    BOARD,
    strategies=("random", "margin"),
    network=MLP(widths=(4,)),
    num_seeds=2,
    budget=20,
    query_size=8,
    training=dataclasses.replace(BOARD.training, num_epochs=1, minibatch_size=8),
)


def test_digits_hold_out_points_that_are_in_no_pool():
    split = digits(0)

    assert split.inputs.shape == (1297, 64)
    assert split.test_inputs.shape == (500, 64)
    assert split.inputs.dtype == np.float32
    assert split.inputs.max() == 1.0
    assert set(split.labels.tolist()) == set(range(10))
    together = np.concatenate([split.inputs, split.test_inputs])
    images = np.unique(together, axis=0)
    assert len(images) == len(np.unique(digits(1).inputs.reshape(-1, 64), axis=0)) + len(
        np.unique(digits(1).test_inputs, axis=0)
    )


def test_splits_differ_between_seeds_and_repeat_for_one():
    np.testing.assert_array_equal(digits(3).inputs, digits(3).inputs)
    assert not np.array_equal(digits(3).inputs, digits(4).inputs)
    assert not np.array_equal(checkerboard(3).inputs, checkerboard(4).inputs)


def test_checkerboard_classes_are_the_colours_of_the_squares():
    split = checkerboard(0)

    by_hand = [int((x + 1) // 0.5 + (y + 1) // 0.5) % 2 for x, y in split.inputs.astype(np.float64)]
    assert split.labels.tolist() == by_hand
    assert split.inputs.shape == (2000, 2)
    assert split.test_inputs.shape == (200, 2)


def test_distance_to_boundary_is_that_to_the_nearest_inner_line():
    points = np.array([[0.1, 0.4], [-0.95, 0.75], [0.5, 0.9]])

    np.testing.assert_allclose(distance_to_boundary(points), [0.1, 0.25, 0.0], atol=1e-12)


def test_starts_are_balanced_and_shared_by_all_strategies():
    trial = build(dataclasses.replace(DEMO[0], num_seeds=2, network=MLP(widths=(4,))))

    labels = np.asarray(trial.tasks.labels)
    for seed in range(2):
        start = np.asarray(trial.states.chosen[seed][:20])
        assert np.bincount(labels[seed][start]).tolist() == [2] * 10
        assert np.flatnonzero(np.asarray(trial.states.labeled[seed])).tolist() == sorted(start.tolist())
    assert set(trial.settings) == {"random", "margin", "diffusion-min-abs"}


def test_a_start_without_a_look_at_labels_is_drawn_uniformly():
    trial = build(dataclasses.replace(TINY, start_per_class=0, num_start=12))

    first, second = (np.asarray(trial.states.chosen[seed][:12]) for seed in range(2))
    assert len(set(first.tolist())) == 12
    assert set(first.tolist()) != set(second.tolist())
    assert trial.counts[0] == 12


def test_initial_weights_and_cycles_draw_from_keys_that_differ():
    key = jax.random.key(0)
    of_cycles = {tuple(jax.random.key_data(jax.random.fold_in(key, cycle)).tolist()) for cycle in range(100)}

    assert tuple(jax.random.key_data(jax.random.fold_in(key, INITIAL_WEIGHTS)).tolist()) not in of_cycles
    assert INITIAL_WEIGHTS > 10**6


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


def test_pools_and_test_sets_have_the_sizes_of_the_appendix():
    sizes = {"mnist": (10_000, 10_000), "cifar10": (50_000, 10_000), "svhn": (20_000, 26_032)}

    for name, (num_points, num_test) in sizes.items():
        source = catalog.DATA[name].args[0]
        assert isinstance(source, openml.Source)
        assert (source.num_points, source.num_test) == (num_points, num_test)


def test_as_printed_is_equations_1_and_6_with_the_same_k_and_t():
    config = dataclasses.replace(BOARD, graph=GraphSettings(num_neighbors=7, num_steps=3))

    strategy = STRATEGIES["diffusion-paper"].make(config, 2)

    assert strategy.graph == GraphSettings(num_neighbors=7, num_steps=3, symmetrize="none") == as_printed(config.graph)
    assert strategy.settings == QuerySettings(criterion="min_abs", diversity="none", ties="random")
    assert STRATEGIES["diffusion"].make(config, 2).graph.symmetrize == "max"


def test_sub_batches_are_asked_on_a_graph_and_all_ask_as_many_labels():
    config = dataclasses.replace(TINY, strategies=("random", "diffusion", "diffusion-paper"), num_sub_batches=3,
                                 query_size=2)  # fmt: skip

    settings = build(config).settings

    assert [(own.query_size, own.num_sub_batches) for own in settings.values()] == [(6, 1), (2, 3), (2, 3)]


def test_dropout_is_added_for_the_bayesian_criteria_alone():
    names = ("entropy", "bayes-entropy", "random-dropout")
    settings = build(dataclasses.replace(TINY, strategies=names)).settings

    assert settings["entropy"].network.sample is None
    assert settings["bayes-entropy"].network.sample is not None
    assert settings["random-dropout"].network is settings["bayes-entropy"].network


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": DataSettings(name="imagenet")}, "must be one of 'digits', .*got 'imagenet'"),
        (
            {"strategies": ("random", "oracle")},
            "strategies must be one of 'random', 'random-dropout', .*; got 'oracle'",
        ),
        ({"budget": 7}, r"budget must be in \[8, 2000\] .*; got 7"),
        ({"budget": 2001}, r"budget must be in \[8, 2000\] .*; got 2001"),
        ({"start_per_class": 1000, "budget": 2000}, "start_per_class must be at most"),
        (
            {"graph": GraphSettings(num_neighbors=2000)},
            r"num_neighbors must be in \[1, 1999\] for 2000 points; got 2000",
        ),
    ],
)
def test_a_config_that_cannot_be_built_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build(dataclasses.replace(TINY, **change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_seeds": 0}, "num_seeds"),
        ({"query_size": 0}, "query_size"),
        ({"strategies": ()}, "strategies"),
        ({"strategies": ("random", "random")}, "strategies"),
        ({"num_start": 3}, "one of start_per_class and num_start must be above 0"),
        ({"start_per_class": 0}, "one of start_per_class and num_start must be above 0"),
        ({"watch": ("diffusion",)}, "watch must be one of 'random', 'margin'"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **change)


def test_an_unknown_embedding_is_refused():
    with pytest.raises(ValueError, match="embedding must be one of 'none', 'vgg16', 'vgg16-random'; got 'clip'"):
        DataSettings(name="digits", embedding="clip")


def test_a_run_yields_a_record_per_seed_for_each_strategy_and_cycle():
    trial = build(TINY)

    cycles = [finished.records for finished in run(trial)]

    assert len(cycles) == num_cycles(trial) == 2 * 3
    assert [(records[0].strategy, records[0].num_labeled) for records in cycles[:3]] == [
        ("random", 8), ("random", 16), ("random", 20),
    ]  # fmt: skip
    assert [own.seed for own in cycles[0]] == [0, 1]
    first_cycles = [[own.accuracy for own in cycles[i]] for i in (0, 3)]
    assert first_cycles[0] == first_cycles[1]  # same pool, start, weights and minibatches
    assert [len(records[0].queried) for records in cycles[:3]] == [8, 4, 0]
    asked = checkerboard(1).inputs[cycles[0][1].queried]
    np.testing.assert_allclose(cycles[0][1].points, asked, atol=5e-5)  # written with four digits
    np.testing.assert_allclose(cycles[0][1].boundary_distances, distance_to_boundary(asked), atol=5e-5)


@pytest.mark.parametrize("stopped_after", [1, 3, 4])
def test_going_on_equals_never_having_stopped(stopped_after, tmp_path):
    trial = build(TINY)
    headers = [header(trial)]

    def keep(folder, cycles):
        for finished in cycles:
            journal.add(folder, finished.records, finished.position)

    journal.begin(tmp_path / "whole", headers)
    keep(tmp_path / "whole", run(trial))
    journal.begin(tmp_path / "stopped", headers)
    keep(tmp_path / "stopped", (cycle for cycle, _ in zip(run(trial), range(stopped_after), strict=False)))
    keep(tmp_path / "stopped", run(trial, journal.resume(tmp_path / "stopped", headers)))

    whole, stopped = (
        [dataclasses.replace(own, training_seconds=0.0, acquisition_seconds=0.0)
         for own in results.read(tmp_path / name / journal.RESULTS).records]
        for name in ("whole", "stopped")
    )  # fmt: skip
    assert whole == stopped
    assert len(whole) == 2 * 3 * 2


def test_records_come_back_from_disk_as_they_went(tmp_path):
    path = tmp_path / "results.jsonl"
    records = [record(), record(seed=1, points=[[0.1, 0.2], [0.3, 0.4]])]
    head = RunHeader(task="digits", config={"budget": 40}, environment={"jax": "0"}, strategies={"random": {}})

    results.append(path, results.header_line(head))
    results.append(path, results.record_lines(records[:1]))
    results.append(path, results.record_lines(records[1:]))

    assert results.read(path) == ([head], records)
    assert results.read_runs(path) == [head]


def test_a_file_cut_off_in_the_middle_is_read_up_to_the_damage(tmp_path):
    path = tmp_path / "results.jsonl"
    results.append(path, results.record_lines([record(), record(seed=1)]))
    path.write_text(path.read_text()[:-20])

    with pytest.warns(UserWarning, match="damaged at line 2; read the 1 records before it"):
        read = results.read(path)

    assert read.records == [record()]


@pytest.mark.parametrize("lost", [0, 60])
def test_a_compressed_file_is_read_as_far_as_it_goes(lost, tmp_path):
    records = [record(seed=seed, accuracy=seed / 997) for seed in range(300)]
    packed = gzip.compress(results.record_lines(records).encode())
    (tmp_path / "results.jsonl.gz").write_bytes(packed[: len(packed) - lost])

    with pytest.warns(UserWarning, match="damaged") if lost else contextlib.nullcontext():
        read = results.read(tmp_path / "results.jsonl.gz").records

    assert read == records[: len(read)]
    assert len(read) == 300 if not lost else 0 < len(read) < 300


def test_a_record_needs_no_more_than_a_curve_does_and_unknown_fields_are_left(tmp_path):
    path = tmp_path / "results.jsonl"
    least = {"task": "t", "strategy": "s", "seed": 0, "cycle": 0, "num_labeled": 5, "accuracy": 0.5}
    path.write_text(json.dumps(least | {"colour": "red"}) + "\n")

    (read,) = results.read(path).records

    assert (read.task, read.accuracy, read.queried) == ("t", 0.5, [])
    assert np.isnan(read.balanced_accuracy)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"task": "t", "seed": 0}', "line 1 of .* must have task, .*; got no strategy, cycle, num_labeled, accuracy"),
        ("[1, 2]", r"line 1 of .* must hold a JSON object; got \[1, 2\]"),
        ('{"run": {"task": "t"}}', "must have task, config, environment; got no config, environment"),
    ],
)
def test_a_whole_line_that_is_no_record_is_refused(line, message, tmp_path):
    (tmp_path / "results.jsonl").write_text(line + "\n")

    with pytest.raises(ValueError, match=message):
        results.read(tmp_path / "results.jsonl")


def test_a_header_tells_settings_strategies_data_versions_and_device():
    config = dataclasses.replace(TINY, strategies=("diffusion", "bald"), num_sub_batches=2, query_size=3)
    head = header(build(config))

    assert head.config["training"]["learning_rate"] == 1e-3
    assert head.config["network"] == {"kind": "MLP", "widths": [4], "batch_norm": False, "dropout": 0.0}
    assert head.strategies["diffusion"]["settings"]["graph"]["symmetrize"] == "max"
    own = {name: head.strategies["bald"][name] for name in ("query_size", "num_sub_batches", "dropout", "num_passes")}
    assert own == {"query_size": 6, "num_sub_batches": 1, "dropout": 0.5, "num_passes": 20}
    assert (head.strategies["diffusion"]["query_size"], head.strategies["diffusion"]["dropout"]) == (3, 0.0)
    sizes = {name: head.data[name] for name in ("num_points", "num_test", "num_classes", "input_shape")}
    assert sizes == {"num_points": 2000, "num_test": 200, "num_classes": 2, "input_shape": [2]}
    assert {"jax", "flax", "numpy"} <= set(head.environment["packages"])
    assert head.environment["devices"]
    assert json.loads(results.header_line(head))["run"] == dataclasses.asdict(head)


def test_other_data_or_other_starts_have_another_checksum():
    sums = [
        header(build(dataclasses.replace(TINY, **change))).data["sha256"]
        for change in ({}, {}, {"start_per_class": 5}, {"data": DataSettings(name="two-moons", num_test=200)})
    ]

    assert sums[0] == sums[1]
    assert len(set(sums)) == 3


class _AsksOneLess(Random):
    """Leaves its last place empty."""

    def query(self, key, prepared, pool, *, query_size):
        query = super().query(key, prepared, pool, query_size=query_size)
        return query._replace(indices=query.indices.at[-1].set(-1))


def test_a_strategy_that_asks_too_few_is_refused():
    trial = build(dataclasses.replace(TINY, strategies=("random",)))
    settings = dataclasses.replace(trial.settings["random"], strategy=_AsksOneLess())

    with pytest.raises(RuntimeError, match="random must ask 8 points in cycle 0 of checkerboard; it asked 7"):
        next(run(trial._replace(settings={"random": settings})))


@pytest.mark.slow
def test_diverged_training_is_told():
    training = dataclasses.replace(TINY.training, learning_rate=1e30, num_epochs=3)
    trial = build(dataclasses.replace(TINY, strategies=("random",), training=training))

    with pytest.warns(UserWarning, match="checkerboard, random, seed ., cycle 0: training has diverged") as told:
        next(run(trial))
    assert len(told) == 2  # one for each seed


def test_balanced_accuracy_is_the_mean_of_the_recalls():
    from ddal_jax.loop import _grade

    labels = np.array([0, 0, 0, 0, 1, 1])  # nothing of class 2 is held out
    guesses = np.array([0, 0, 0, 2, 0, 1])

    grade = jax.jit(_grade)(np.eye(3, dtype=np.float32)[guesses], labels)

    assert float(grade.accuracy) == pytest.approx(4 / 6)
    assert float(grade.balanced_accuracy) == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_means_are_over_seeds_and_shares_over_queries():
    records = [
        record(accuracy=0.5, reached=[True, False]),
        record(accuracy=0.7, seed=1, reached=[False, False]),
        record(accuracy=0.9, num_labeled=22, queried=[], reached=[]),
    ]

    first, last = means(records)["random"]

    assert first.num_labeled == 20
    assert first.accuracy == pytest.approx(0.6)
    assert first.standard_error == pytest.approx(np.std([0.5, 0.7], ddof=1) / np.sqrt(2))
    assert first.unexplored == 0.75
    assert np.isnan(last.standard_error)
    assert np.isnan(last.unexplored)


def test_every_named_data_set_is_loaded_by_its_name():
    assert {config.data.name for _, config in RUNS} <= set(catalog.DATA)


def test_training_settings_that_an_optimizer_would_ignore_are_refused():
    with pytest.raises(ValueError, match="belong to optimizer 'sgd'; got optimizer 'adam'"):
        TrainSettings(num_epochs=1, minibatch_size=1, optimizer="adam", learning_rate=1e-3, weight_decay=0.1)
