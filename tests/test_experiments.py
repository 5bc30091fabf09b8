"""Experiments are fair by construction, and results survive on disk."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from ddal_jax.data.checkerboard import checkerboard, distance_to_boundary
from ddal_jax.data.digits import digits
from ddal_jax.experiments import results
from ddal_jax.experiments.build import DATA, INITIAL_WEIGHTS, STRATEGIES, build
from ddal_jax.experiments.presets import CHECKERBOARD, DIGITS, PRESETS
from ddal_jax.experiments.results import Record
from ddal_jax.experiments.run import num_lists, run
from ddal_jax.experiments.summary import curves
from ddal_jax.pool_graph import GraphSettings

TINY = dataclasses.replace(
    CHECKERBOARD,
    strategies=("random", "margin"),
    widths=(4,),
    num_seeds=2,
    budget=20,
    query_size=8,
    training=dataclasses.replace(CHECKERBOARD.training, num_epochs=1, minibatch_size=8),
)


def _record(**changes) -> Record:
    plain = {
        "data": "digits", "strategy": "random", "seed": 0, "cycle": 0, "num_labeled": 20, "accuracy": 0.5,
        "queried": [3, 1], "reached": [True, False], "points": None, "seconds_all_seeds": 0.1,
    }  # fmt: skip
    return Record(**(plain | changes))


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
    trial = build(dataclasses.replace(DIGITS, num_seeds=2, widths=(4,), batch_norm=False))

    labels = np.asarray(trial.tasks.labels)
    for seed in range(2):
        start = np.asarray(trial.states.chosen[seed][:20])
        assert np.bincount(labels[seed][start]).tolist() == [2] * 10
        assert np.flatnonzero(np.asarray(trial.states.labeled[seed])).tolist() == sorted(start.tolist())
    assert set(trial.settings) == {"random", "margin", "diffusion"}


def test_initial_weights_and_cycles_draw_from_keys_that_differ():
    key = jax.random.key(0)
    of_cycles = {tuple(jax.random.key_data(jax.random.fold_in(key, cycle)).tolist()) for cycle in range(100)}

    assert tuple(jax.random.key_data(jax.random.fold_in(key, INITIAL_WEIGHTS)).tolist()) not in of_cycles
    assert INITIAL_WEIGHTS > 10**6


@pytest.mark.parametrize("name", PRESETS)
def test_presets_name_things_that_exist(name):
    preset = PRESETS[name]

    assert preset.data in DATA
    assert set(preset.strategies) <= set(STRATEGIES)
    json.dumps(preset.as_dict())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "mnist"}, "data must be one of 'digits', 'checkerboard'; got 'mnist'"),
        (
            {"strategies": ("random", "oracle")},
            "strategies must be one of 'random', 'margin', 'diffusion'; got 'oracle'",
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
    "change", [{"num_seeds": 0}, {"query_size": 0}, {"strategies": ()}, {"strategies": ("random", "random")}]
)
def test_a_config_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        dataclasses.replace(TINY, **change)


def test_a_run_yields_a_record_per_seed_for_each_strategy_and_cycle():
    trial = build(TINY)

    lists = list(run(trial))

    assert len(lists) == num_lists(trial) == 2 * 3
    assert [(records[0].strategy, records[0].num_labeled) for records in lists[:3]] == [
        ("random", 8), ("random", 16), ("random", 20),
    ]  # fmt: skip
    assert [record.seed for record in lists[0]] == [0, 1]
    first_cycles = [[record.accuracy for record in lists[i]] for i in (0, 3)]
    assert first_cycles[0] == first_cycles[1]  # same pool, start, weights and minibatches
    assert [len(records[0].queried) for records in lists[:3]] == [8, 4, 0]
    pool = checkerboard(1).inputs
    np.testing.assert_array_equal(np.float32(lists[0][1].points), pool[lists[0][1].queried])


def test_records_come_back_from_disk_as_they_went(tmp_path):
    path = tmp_path / "results.jsonl"
    records = [_record(), _record(seed=1, points=[[0.1, 0.2], [0.3, 0.4]])]

    results.append(path, records[:1])
    results.append(path, records[1:])

    assert results.read(path) == records


def test_a_file_cut_off_in_the_middle_is_read_up_to_the_damage(tmp_path):
    path = tmp_path / "results.jsonl"
    results.append(path, [_record(), _record(seed=1)])
    path.write_text(path.read_text()[:-20])

    with pytest.warns(UserWarning, match="damaged at line 2; read the 1 records before it"):
        records = results.read(path)

    assert records == [_record()]


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "config.json"
    results.write_json(path, {"good": 1})

    with pytest.raises(TypeError):
        results.write_json(path, {"bad": object()})

    assert json.loads(path.read_text()) == {"good": 1}


def test_a_description_holds_settings_versions_and_device():
    description = results.describe(DIGITS)

    assert description["runs"][0]["training"]["learning_rate"] == 1e-3
    assert {"jax", "flax", "numpy"} <= set(description["environment"]["packages"])
    assert description["environment"]["devices"]
    json.dumps(description)


def test_curves_are_means_over_seeds_and_shares_over_queries():
    records = [
        _record(accuracy=0.5, reached=[True, False]),
        _record(accuracy=0.7, seed=1, reached=[False, False]),
        _record(accuracy=0.9, num_labeled=22, queried=[], reached=[]),
    ]

    first, last = curves(records)["random"]

    assert first.num_labeled == 20
    assert first.accuracy == pytest.approx(0.6)
    assert first.standard_error == pytest.approx(np.std([0.5, 0.7], ddof=1) / np.sqrt(2))
    assert first.unexplored == 0.75
    assert np.isnan(last.standard_error)
    assert np.isnan(last.unexplored)
