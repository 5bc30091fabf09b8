"""Rules on fixed graphs: the read-out, the loop, the folder and the command, on a small pool."""

import argparse
import dataclasses

import numpy as np
import oracles
import pytest

from ddal_jax.cli import fixed_graph as command
from ddal_jax.data.clusters import gaussian_mixture
from ddal_jax.evaluate import compare
from ddal_jax.evaluate.checkpoint_means import checkpoint_means
from ddal_jax.experiments import results
from ddal_jax.experiments.fixed_graph import folder, run, tasks
from ddal_jax.experiments.fixed_graph.readout import accuracies
from ddal_jax.experiments.fixed_graph.rules import RULES
from ddal_jax.experiments.fixed_graph.settings import FixedGraphSettings

NUM_POINTS, CHECKPOINTS = 24, (3, 5, 8)


def _small(seed):
    return gaussian_mixture(seed, num_components=3, separation=1.5, num_points=NUM_POINTS - 1, num_test=1)


@pytest.fixture(autouse=True)
def small_task(monkeypatch):
    monkeypatch.setitem(tasks.TASKS, "small", tasks.FixedGraphTask(_small, 3))


def _settings(*rules, num_seeds=2):
    return FixedGraphSettings(task="small", rules=rules, checkpoints=CHECKPOINTS, num_steps=2, num_seeds=num_seeds)


def _asked(rule, settings, seed):
    own = tasks.problem("small", seed)
    return run.ask(run.compile_rule(rule, own, settings), own, seed)


@pytest.mark.slow
def test_accuracy_is_that_of_the_harmonic_solution_on_points_not_labelled():
    own = tasks.problem("small", 1)
    order = np.random.default_rng(0).permutation(NUM_POINTS)[: CHECKPOINTS[-1]]

    plain, balanced = accuracies(own.graph, own.labels, order, CHECKPOINTS, num_classes=3)

    for place, count in enumerate(CHECKPOINTS):
        labeled = np.isin(np.arange(NUM_POINTS), order[:count])
        mass = oracles.harmonic(oracles.dense(own.graph), oracles.one_hot(own.labels, labeled, 3), labeled)
        right = (mass.argmax(axis=1) == own.labels)[~labeled]
        classes = own.labels[~labeled]
        assert plain[place] == right.mean()
        np.testing.assert_allclose(balanced[place], np.mean([right[classes == c].mean() for c in range(3)]))


def test_the_graph_is_the_first_that_hangs_together():
    apart = np.random.default_rng(0).normal(size=(NUM_POINTS, 2)).astype(np.float32)
    apart[12:] += 100.0

    num_neighbors, graph = tasks.connected_graph(apart)

    assert num_neighbors == 15
    assert (oracles.hops_between(oracles.dense(graph), 0) >= 0).all()
    assert tasks.problem("small", 1).num_neighbors == 10


def test_a_problem_is_a_function_of_its_seed_and_its_start_is_not_that_of_the_points():
    first, again, other = tasks.problem("small", 1), tasks.problem("small", 1), tasks.problem("small", 2)

    np.testing.assert_array_equal(first.features, again.features)
    assert (first.start, first.num_classes) == (again.start, 3)
    assert not np.array_equal(first.features, other.features)
    assert first.features.shape == (NUM_POINTS, 2)


@pytest.mark.parametrize(
    "name", ["coreset", *(pytest.param(f"{name}-optimal", marks=pytest.mark.slow) for name in ("sigma", "variance"))]
)
def test_a_rule_that_sees_no_classes_asks_at_once_what_it_would_ask_in_turn(name):
    settings, rule = _settings(name), RULES[name]

    at_once, in_turn = (_asked(rule._replace(sees_classes=sees), settings, 3) for sees in (False, True))

    np.testing.assert_array_equal(at_once.order, in_turn.order)
    np.testing.assert_array_equal(at_once.reached, in_turn.reached)


@pytest.mark.slow
def test_records_tell_the_points_asked_between_checkpoints_and_can_be_compared():
    settings = _settings("random", "refined-coverage")
    drawn = run.problems(settings)

    records = [record for rule in settings.rules for record in run.run_rule(settings, rule, drawn)]

    for rule in settings.rules:
        for seed in settings.seeds:
            own = [record for record in records if (record.strategy, record.seed) == (rule, seed)]
            assert [record.num_labeled for record in own] == list(CHECKPOINTS)
            assert [len(record.queried) for record in own] == [2, 3, 0]
            asked = [row for record in own for row in record.queried]
            assert len(set(asked)) == 5
            assert [len(record.reached) for record in own] == [2, 3, 0]
    assert compare(records).tasks[0].reference == "random"


def test_a_stopped_comparison_goes_on_and_other_settings_are_refused(tmp_path, monkeypatch):
    settings = _settings("random", "coreset")
    steps = folder.execute([settings], tmp_path)

    assert next(steps).rule == "random"
    steps.close()
    assert {record.strategy for record in results.read(tmp_path / "results.jsonl").records} == {"random"}

    assert [done.rule for done in folder.execute([settings], tmp_path)] == ["coreset"]
    found = results.read(tmp_path / "results.jsonl")
    assert len(found.records) == 2 * 2 * len(CHECKPOINTS)
    assert found.runs[0].strategies["coreset"]["kind"] == "Coreset"
    assert list(folder.execute([settings], tmp_path)) == []
    with pytest.raises(ValueError, match="already holds results of other settings"):
        list(folder.execute([dataclasses.replace(settings, num_steps=3)], tmp_path))


def test_the_header_tells_the_settings_of_every_rule():
    settings = _settings(*RULES)

    told = {name: own["settings"] for name, own in run.header(settings, run.problems(settings)).strategies.items()}

    ties = {name: told[name]["settings"]["ties"] for name in ("refined", "refined-coverage", "refined-wide-coverage")}
    assert list(ties.values()) == ["random", "coverage", "wide_coverage"]
    for name in ties:
        assert told[name]["settings"]["criterion"] == "margin"
        assert told[name]["settings"]["num_refine_steps"] == 20
    assert told["refined-long-coverage"]["num_coverage_steps"] == 64
    assert told["poisson-laplace"]["num_clusters"] == 3
    assert told["sigma-optimal"]["graph"]["num_neighbors"] == 10


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"task": "rings"}, "task must be one of 'digits'.*got 'rings'"),
        ({"rules": ("random", "margin")}, "rules must be one of 'random'.*got 'margin'"),
        ({"rules": ("random", "random")}, "each once"),
        ({"checkpoints": (5, 5)}, r"checkpoints must be at least 1 and ascend; got \(5, 5\)"),
        ({"num_seeds": 0}, "num_seeds must be at least 1; got 0"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(changed, message):
    with pytest.raises(ValueError, match=message):
        FixedGraphSettings(**{"task": "small", **changed})


def test_more_labels_than_points_are_refused():
    with pytest.raises(ValueError, match=r"checkpoints must be in \[1, 23\]"):
        run.problems(dataclasses.replace(_settings("random"), checkpoints=(5, 24)))


def test_means_count_every_checkpoint_alike_and_differences_are_paired():
    heights = {"random": [0.2, 0.6], "ours": [0.5, 0.7]}
    records = [
        results.Record(
            task="t", strategy=name, seed=seed, cycle=cycle, num_labeled=count,
            accuracy=value + 0.01 * seed * (name == "ours"),
        )
        for name, values in heights.items()
        for seed in range(6)
        for cycle, (count, value) in enumerate(zip((5, 100), values, strict=True))
    ]  # fmt: skip

    best, other = checkpoint_means(records, challenger="ours")["t"]

    assert (best.strategy, best.difference, best.p_value) == ("ours", 0.0, 1.0)
    np.testing.assert_allclose([best.mean, other.mean, other.difference], [62.5, 40.0, 22.5])
    np.testing.assert_allclose(other.difference_error, np.std(range(6), ddof=1) / 6**0.5)
    assert (other.won, other.p_value) == (6, 2 / 2**6)
    with pytest.raises(ValueError, match="challenger must be one of"):
        checkpoint_means(records, challenger="margin")


@pytest.mark.slow
def test_the_command_writes_results_and_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "prepare_jax", lambda: None)
    monkeypatch.setitem(tasks.TASKS, "digits", tasks.TASKS["small"])
    monkeypatch.setattr(command, "FixedGraphSettings", lambda **given: FixedGraphSettings(**given, checkpoints=(3, 5)))
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    words = ["--tasks", "digits", "--rules", "random,coreset", "--seeds", "2", "-o", str(tmp_path)]

    code = command.main(parser.parse_args([*words, "--screening", "--challenger", "coreset"]))

    assert code == 0
    text = (tmp_path / "report.md").read_text()
    assert "## digits" in text
    assert "seeds 1000 to 1001" in text
    assert "| coreset |" in text
    assert len(results.read(tmp_path / "results.jsonl").records) == 8
    with pytest.raises(ValueError, match="challenger must be one of 'random', 'coreset'; got 'badge'"):
        command.main(parser.parse_args([*words, "--challenger", "badge"]))
