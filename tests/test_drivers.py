"""However the loop is driven it gives the same records, and compiles once whatever the rounds and seeds."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from processes import run_python
from small_loop import BUDGET, DIFFUSION, MARGIN, NETWORK, NUM_POINTS, SETTINGS, run, trial

from ddal_jax import drivers
from ddal_jax.drivers import run_scanned, run_stepwise
from ddal_jax.graph import knn
from ddal_jax.loop import label_counts
from ddal_jax.strategies import Diffusion, Scored


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Counting:
    """A strategy that counts how often it is traced."""

    counted: Diffusion | Scored
    requires: ClassVar[frozenset[str]] = frozenset({"features", "probs"})
    traces: ClassVar[dict[str, int]] = {"prepare": 0, "query": 0}

    def prepare(self, key, pool):
        self.traces["prepare"] += 1
        return self.counted.prepare(key, pool)

    def query(self, key, prepared, pool, *, query_size):
        self.traces["query"] += 1
        return self.counted.query(key, prepared, pool, query_size=query_size)


@pytest.mark.slow
def test_both_drivers_give_the_same_records():
    seeds, states, tasks = trial(2, BUDGET)
    counts = label_counts(4, BUDGET, 2)
    settings = dataclasses.replace(SETTINGS, strategy=MARGIN)

    stepwise = [jax.device_get(s.record) for s in run_stepwise(seeds, states, tasks, counts, settings=settings)]
    scanned = jax.device_get(run_scanned(seeds, states, tasks, jnp.asarray(counts, jnp.int32), settings=settings))

    for index, record in enumerate(stepwise):
        for a, b in zip(jax.tree.leaves(record), jax.tree.leaves(scanned), strict=True):
            np.testing.assert_array_equal(a, b[index])


@pytest.mark.slow
def test_seeds_one_by_one_give_the_records_of_seeds_together():
    seeds, states, tasks = trial(2, BUDGET)
    counts = label_counts(4, BUDGET, 2)
    plain = dataclasses.replace(SETTINGS, strategy=MARGIN)
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
    seeds, states, tasks = trial(2, BUDGET)
    counts = label_counts(4, BUDGET, 2)
    whole = list(run_stepwise(seeds, states, tasks, counts, settings=SETTINGS))

    rest = list(run_stepwise(seeds, whole[1].states, tasks, counts, settings=SETTINGS, first_cycle=2))

    assert len(rest) == len(whole) - 2
    for a, b in zip(rest, whole[2:], strict=True):
        for x, y in zip(jax.tree.leaves((a.record, a.states)), jax.tree.leaves((b.record, b.states)), strict=True):
            np.testing.assert_array_equal(x, y)


def test_the_same_seeds_give_the_same_records():
    first, second = run(SETTINGS), run(SETTINGS)

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
    seeds, states, tasks = trial(2, budget, num_points)
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
    settings = dataclasses.replace(SETTINGS, strategy=_Counting(counted=MARGIN))
    calls = _counting_calls(monkeypatch)

    def traces_and_calls(num_seeds):
        before_traces, before_calls = dict(_Counting.traces), dict(calls)
        run(settings, num_seeds=num_seeds, budget=10)
        added = {name: _Counting.traces[name] - before_traces[name] for name in before_traces}
        return added, {name: calls[name] - before_calls[name] for name in calls}

    few, many = traces_and_calls(3), traces_and_calls(6)

    assert few == many
    assert few[1] == {"_train_call": 4, "_query_call": 4}  # one call per stage and cycle


@pytest.mark.slow
def test_records_do_not_depend_on_the_number_of_devices():
    script = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
from small_loop import SETTINGS, run
assert jax.device_count() == int(sys.argv[1])
for record in run(SETTINGS, num_seeds=4, budget=10):
    print(record.queried.tolist(), record.grade.accuracy.tolist())
"""

    one, two = run_python(script, "1"), run_python(script, "2")

    assert one.count("\n") == 4
    assert one == two
