"""Experiments are fair by construction, and what they were is written with what they found."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from ddal_jax.data.checkerboard import checkerboard, distance_to_boundary
from ddal_jax.experiments import journal, results
from ddal_jax.experiments.build import INITIAL_WEIGHTS, build
from ddal_jax.experiments.catalog import STRATEGIES, as_printed
from ddal_jax.experiments.config import DataSettings
from ddal_jax.experiments.header import header
from ddal_jax.experiments.presets import DEMO, EXPERIMENTS
from ddal_jax.experiments.run import num_cycles, run
from ddal_jax.networks.architectures import MLP
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.strategies import Random

BOARD = EXPERIMENTS["fig3"].runs[0]
TINY = dataclasses.replace(
    BOARD,
    strategies=("random", "margin"),
    network=MLP(widths=(4,)),
    num_seeds=2,
    budget=20,
    query_size=8,
    training=dataclasses.replace(BOARD.training, num_epochs=1, minibatch_size=8),
)


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


def test_as_printed_is_equations_1_and_6_with_the_same_k_and_the_papers_t():
    config = dataclasses.replace(BOARD, graph=GraphSettings(num_neighbors=7, num_steps=3))

    strategy = STRATEGIES["diffusion-paper"].make(config, 2)

    assert strategy.graph == GraphSettings(num_neighbors=7, num_steps=3, fewest_steps=0, symmetrize="none")
    assert as_printed(GraphSettings()).steps_for(725) == 3
    assert strategy.settings == QuerySettings(criterion="min_abs", diversity="none", ties="random")
    assert STRATEGIES["diffusion"].make(config, 2).graph.symmetrize == "max"


def test_diffusion_is_the_house_rule_and_its_variants_say_what_they_leave_out():
    query = QuerySettings(ties="coverage", num_rediffusions=4)
    config = dataclasses.replace(BOARD, query=query)

    made = {name: STRATEGIES[name].make(config, 2).settings for name in STRATEGIES if name.startswith("diffusion")}

    assert STRATEGIES["diffusion"].make(BOARD, 2).settings == QuerySettings(
        criterion="root_reach_margin", diversity="redistribute", ties="random"
    )
    assert made["diffusion"] == query
    assert made["diffusion-plain"] == QuerySettings(criterion="root_reach_margin", diversity="none")
    assert made["diffusion-coverage"] == dataclasses.replace(query, diversity="coverage")
    assert made["diffusion-local-minima"] == dataclasses.replace(query, diversity="local_minima")
    assert made["diffusion-norm"] == QuerySettings(criterion="norm", diversity="none")


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
