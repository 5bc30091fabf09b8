"""The loop spends its budget exactly, peeks at no label, and compiles once whatever the rounds and seeds."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from processes import run_python

from ddal_jax import drivers, loop
from ddal_jax.drivers import run_scanned, run_stepwise
from ddal_jax.graph import knn
from ddal_jax.loop import LoopSettings, Task, cycle, initial_state, label_counts
from ddal_jax.networks.types import Network, Outputs, TrainState
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.selection import Query
from ddal_jax.strategies import BALD, Diffusion, Margin, Random
from ddal_jax.training import TrainSettings

NUM_POINTS, NUM_CLASSES = 50, 2


def _apply_linear(params, state, x, key, *, train, mask):
    del key, train, mask
    return Outputs(x @ params, x, state)


# The least that is a network: what is tested here is the loop, and a larger one only compiles longer.
NETWORK = Network(lambda key: TrainState(jax.random.normal(key, (3, NUM_CLASSES)), ()), _apply_linear)
TRAINING = TrainSettings(num_epochs=2, minibatch_size=4, optimizer="sgd", learning_rate=1e-2)
DIFFUSION = Diffusion(num_classes=NUM_CLASSES, graph=GraphSettings(num_neighbors=5))
SETTINGS = LoopSettings(network=NETWORK, training=TRAINING, strategy=DIFFUSION, query_size=2)
BUDGET = 11  # four to start with, three batches of two, and one that has to shrink


def _trial(num_seeds: int, budget: int, num_points: int = NUM_POINTS):
    """Returns seeds, states and tasks, stacked, with the four first points of each pool labelled."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(num_seeds, num_points + 20, 3)).astype(np.float32)
    labels = (inputs[:, :, 0] > 0).astype(np.int32)
    seeds = jnp.arange(num_seeds, dtype=jnp.uint32)
    initial = jax.vmap(lambda seed: NETWORK.init(jax.random.key(seed)))(seeds)
    tasks = Task(
        *(jnp.asarray(part) for part in (inputs[:, 20:], labels[:, 20:], inputs[:, :20], labels[:, :20])), initial
    )
    states = jax.vmap(lambda task: initial_state(task, jnp.arange(4, dtype=jnp.int32), budget))(tasks)
    return seeds, states, tasks


def _run(settings: LoopSettings, *, num_seeds: int = 2, budget: int = BUDGET):
    seeds, states, tasks = _trial(num_seeds, budget)
    counts = label_counts(4, budget, settings.query_size * settings.num_sub_batches)
    return [jax.device_get(step.record) for step in run_stepwise(seeds, states, tasks, counts, settings=settings)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Peeking:
    """Asks the first unlabelled points and reports as `reached` whether it could see their labels."""

    requires: ClassVar[frozenset[str]] = frozenset()

    def prepare(self, key, pool):
        return None

    def query(self, key, prepared, pool, *, query_size):
        order = jnp.argsort(pool.labeled, stable=True)[:query_size].astype(jnp.int32)
        return Query(order, jnp.zeros(query_size), pool.labels[order] >= 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Counting:
    """A strategy that counts how often it is traced."""

    counted: Diffusion | Margin
    requires: ClassVar[frozenset[str]] = frozenset({"features", "probs"})
    traces: ClassVar[dict[str, int]] = {"prepare": 0, "query": 0}

    def prepare(self, key, pool):
        self.traces["prepare"] += 1
        return self.counted.prepare(key, pool)

    def query(self, key, prepared, pool, *, query_size):
        self.traces["query"] += 1
        return self.counted.query(key, prepared, pool, query_size=query_size)


@pytest.mark.parametrize("strategy", [DIFFUSION, Random(), Margin()], ids=["diffusion", "random", "margin"])
def test_the_budget_is_spent_to_the_label_and_no_point_is_asked_twice(strategy):
    records = _run(dataclasses.replace(SETTINGS, strategy=strategy))

    assert [int(record.num_labeled[0]) for record in records] == [4, 6, 8, 10, 11]
    for seed in range(2):
        asked = np.concatenate([record.queried[seed] for record in records])
        asked = asked[asked >= 0]
        assert len(set(asked.tolist())) == len(asked) == BUDGET - 4
        assert asked.min() >= 4  # 0 to 3 were labelled from the start


def test_the_last_batch_shrinks_and_nothing_is_asked_when_the_budget_is_spent():
    records = _run(SETTINGS)

    assert (records[-2].queried[:, 0] >= 0).all()
    assert (records[-2].queried[:, 1] == -1).all()
    assert (records[-1].queried == -1).all()
    assert not records[-1].reached.any()


def test_sub_batches_ask_p_times_b_labels_with_a_fresh_diffusion_on_one_graph():
    budget, key = 16, jax.random.key(3)
    seeds, states, tasks = _trial(1, budget)
    state, task = jax.tree.map(lambda part: part[0], (states, tasks))
    settings = dataclasses.replace(SETTINGS, query_size=2, num_sub_batches=3)

    after, record = jax.jit(cycle, static_argnames="settings")(key, state, task, jnp.asarray(4), settings=settings)

    view = loop.look(key, after.train, task, settings=settings)
    pool = loop._pool(view, task, state.labeled)
    prepare_key, query_key = jax.random.split(jax.random.fold_in(key, loop._QUERYING))
    graph = jax.jit(DIFFUSION.prepare)(prepare_key, pool)
    labeled, expected = state.labeled, []
    for sub_batch in range(3):
        known = pool._replace(labels=jnp.where(labeled, task.labels, -1), labeled=labeled)
        query = DIFFUSION.query(jax.random.fold_in(query_key, sub_batch), graph, known, query_size=2)
        expected += query.indices.tolist()
        labeled = labeled.at[query.indices].set(True)
    assert record.queried.tolist() == expected
    assert after.labeled.tolist() == labeled.tolist()
    assert after.chosen.tolist() == [0, 1, 2, 3, *expected, *[-1] * 6]


def test_a_strategy_cannot_see_a_label_that_was_not_asked():
    records = _run(dataclasses.replace(SETTINGS, strategy=_Peeking()))

    assert (records[0].queried >= 0).all()
    assert not any(record.reached.any() for record in records)


def test_training_sees_the_labels_that_were_asked_and_no_others():
    seeds, states, tasks = _trial(1, 12)
    state, task = jax.tree.map(lambda part: part[0], (states, tasks))
    wrong_elsewhere = task._replace(labels=jnp.where(state.labeled, task.labels, 1 - task.labels))
    step = jax.jit(cycle, static_argnames="settings")
    settings = dataclasses.replace(SETTINGS, strategy=Margin())

    right, _ = step(jax.random.key(0), state, task, jnp.asarray(4), settings=settings)
    wrong, _ = step(jax.random.key(0), state, wrong_elsewhere, jnp.asarray(4), settings=settings)

    for a, b in zip(jax.tree.leaves(right), jax.tree.leaves(wrong), strict=True):
        np.testing.assert_array_equal(a, b)


def test_from_scratch_starts_every_training_at_the_initial_weights():
    seeds, states, tasks = _trial(1, 12)
    state, task = jax.tree.map(lambda part: part[0], (states, tasks))
    spoiled = state._replace(train=jax.tree.map(lambda part: part + 1, state.train))
    step = jax.jit(cycle, static_argnames="settings")
    settings = dataclasses.replace(SETTINGS, strategy=Margin())

    scratch, _ = step(
        jax.random.key(0), spoiled, task, jnp.asarray(4), settings=dataclasses.replace(settings, warm_start=False)
    )
    clean, _ = step(jax.random.key(0), state, task, jnp.asarray(4), settings=settings)
    warm, _ = step(jax.random.key(0), spoiled, task, jnp.asarray(4), settings=settings)

    for a, b in zip(jax.tree.leaves(scratch.train), jax.tree.leaves(clean.train), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)  # two programs, the same float32 arithmetic
    assert any(
        np.abs(a - b).max() > 0.1
        for a, b in zip(jax.tree.leaves(warm.train), jax.tree.leaves(clean.train), strict=True)
    )


def test_both_drivers_give_the_same_records():
    seeds, states, tasks = _trial(2, BUDGET)
    counts = label_counts(4, BUDGET, 2)
    settings = dataclasses.replace(SETTINGS, strategy=Margin())

    stepwise = [jax.device_get(s.record) for s in run_stepwise(seeds, states, tasks, counts, settings=settings)]
    scanned = jax.device_get(run_scanned(seeds, states, tasks, jnp.asarray(counts, jnp.int32), settings=settings))

    for index, record in enumerate(stepwise):
        for a, b in zip(jax.tree.leaves(record), jax.tree.leaves(scanned), strict=True):
            np.testing.assert_array_equal(a, b[index])


def test_seeds_one_by_one_give_the_records_of_seeds_together():
    seeds, states, tasks = _trial(2, BUDGET)
    counts = label_counts(4, BUDGET, 2)
    plain = dataclasses.replace(SETTINGS, strategy=Margin())
    convolving = dataclasses.replace(plain, network=dataclasses.replace(NETWORK, convolutional=True))

    together, one_by_one = (
        [jax.device_get(step) for step in run_stepwise(seeds, states, tasks, counts, settings=settings)]
        for settings in (plain, convolving)
    )

    assert drivers._stages(convolving.network, 2)[0] is drivers._train_one_by_one
    for a, b in zip(together, one_by_one, strict=True):
        for x, y in zip(jax.tree.leaves(a.record), jax.tree.leaves(b.record), strict=True):
            np.testing.assert_array_equal(x, y)
        for x, y in zip(jax.tree.leaves(a.states), jax.tree.leaves(b.states), strict=True):
            np.testing.assert_allclose(x, y, atol=1e-5)  # two programs, the same float32 arithmetic


def test_going_on_from_a_cycle_equals_never_having_stopped():
    seeds, states, tasks = _trial(2, BUDGET)
    counts = label_counts(4, BUDGET, 2)
    whole = list(run_stepwise(seeds, states, tasks, counts, settings=SETTINGS))

    rest = list(run_stepwise(seeds, whole[1].states, tasks, counts, settings=SETTINGS, first_cycle=2))

    assert len(rest) == len(whole) - 2
    for a, b in zip(rest, whole[2:], strict=True):
        for x, y in zip(jax.tree.leaves((a.record, a.states)), jax.tree.leaves((b.record, b.states)), strict=True):
            np.testing.assert_array_equal(x, y)


def test_a_strategy_that_needs_dropout_refuses_a_network_without():
    with pytest.raises(ValueError, match="network must have dropout, which BALD requires; it has none"):
        dataclasses.replace(SETTINGS, strategy=BALD())


def test_the_same_seeds_give_the_same_records():
    first, second = _run(SETTINGS), _run(SETTINGS)

    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(a, b)


def _counting_calls(monkeypatch):
    calls = {"_train_call": 0, "_query_call": 0}

    def count(name, function):
        def counted(*args, **kwargs):
            calls[name] += 1
            return function(*args, **kwargs)

        return counted

    for name in calls:
        monkeypatch.setattr(drivers, name, count(name, getattr(drivers, name)))
    return calls


def test_twenty_rounds_trace_each_kernel_once(monkeypatch):
    settings = dataclasses.replace(SETTINGS, strategy=_Counting(counted=DIFFUSION), query_size=1)
    budget, num_points = 25, NUM_POINTS + 1  # shapes of their own, so that nothing is traced yet
    graph_traces = []
    select = knn._select
    monkeypatch.setattr(knn, "_select", lambda *args, **kwargs: graph_traces.append(1) or select(*args, **kwargs))
    seeds, states, tasks = _trial(2, budget, num_points)
    rounds = run_stepwise(seeds, states, tasks, label_counts(4, budget, 1), settings=settings)

    def count_traces():
        compiled = (drivers._train_call._cache_size(), drivers._query_call._cache_size())
        return dict(_Counting.traces), len(graph_traces), compiled

    next(rounds)
    after_one_round = count_traces()
    remaining = sum(1 for _ in rounds)

    assert remaining > 20
    assert graph_traces
    assert count_traces() == after_one_round


@pytest.mark.slow
def test_twice_the_seeds_add_no_trace_and_no_device_call(monkeypatch):
    settings = dataclasses.replace(SETTINGS, strategy=_Counting(counted=Margin()))
    calls = _counting_calls(monkeypatch)

    def traces_and_calls(num_seeds):
        before_traces, before_calls = dict(_Counting.traces), dict(calls)
        _run(settings, num_seeds=num_seeds, budget=10)
        added = {name: _Counting.traces[name] - before_traces[name] for name in before_traces}
        return added, {name: calls[name] - before_calls[name] for name in calls}

    few, many = traces_and_calls(3), traces_and_calls(6)

    assert few == many
    assert few[1] == {"_train_call": 4, "_query_call": 4}  # one call per stage and cycle


def test_label_counts_end_at_the_budget():
    assert label_counts(4, 12, 3) == [4, 7, 10, 12]
    assert label_counts(4, 12, 4) == [4, 8, 12]
    assert label_counts(4, 4, 4) == [4]


@pytest.mark.parametrize("change", [{"query_size": 0}, {"num_sub_batches": 0}, {"num_passes": 0}])
def test_bad_loop_settings_are_refused(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be at least 1; got 0"):
        dataclasses.replace(SETTINGS, **change)


@pytest.mark.slow
def test_records_do_not_depend_on_the_number_of_devices():
    script = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
from test_loop import SETTINGS, _run
assert jax.device_count() == int(sys.argv[1])
for record in _run(SETTINGS, num_seeds=4, budget=10):
    print(record.queried.tolist(), record.grade.accuracy.tolist())
"""

    one, two = run_python(script, "1"), run_python(script, "2")

    assert one.count("\n") == 4
    assert one == two
