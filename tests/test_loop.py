"""The loop spends its budget exactly and peeks at no label."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_loop import BUDGET, DIFFUSION, MARGIN, SETTINGS, run, trial

from ddal_jax import loop
from ddal_jax.loop import cycle, label_counts
from ddal_jax.selection import Query
from ddal_jax.strategies import Random, Scored


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Peeking:
    """Asks the first unlabelled points and reports as `reached` whether it could see their labels."""

    requires: ClassVar[frozenset[str]] = frozenset()

    def prepare(self, key, pool):
        return None

    def query(self, key, prepared, pool, *, query_size):
        order = jnp.argsort(pool.labeled, stable=True)[:query_size].astype(jnp.int32)
        return Query(order, jnp.zeros(query_size), pool.labels[order] >= 0)


@pytest.mark.parametrize(
    "strategy",
    [
        pytest.param(DIFFUSION, id="diffusion", marks=pytest.mark.slow),
        pytest.param(Random(), id="random"),
        pytest.param(MARGIN, id="margin"),
    ],
)
def test_the_budget_is_spent_to_the_label_and_no_point_is_asked_twice(strategy):
    records = run(dataclasses.replace(SETTINGS, strategy=strategy))

    assert [int(record.num_labeled[0]) for record in records] == [4, 6, 8, 10, 11]
    for seed in range(2):
        asked = np.concatenate([record.queried[seed] for record in records])
        asked = asked[asked >= 0]
        assert len(set(asked.tolist())) == len(asked) == BUDGET - 4
        assert asked.min() >= 4  # 0 to 3 were labelled from the start


@pytest.mark.slow
def test_the_last_batch_shrinks_and_nothing_is_asked_when_the_budget_is_spent():
    records = run(SETTINGS)

    assert (records[-2].queried[:, 0] >= 0).all()
    assert (records[-2].queried[:, 1] == -1).all()
    assert (records[-1].queried == -1).all()
    assert not records[-1].reached.any()


@pytest.mark.slow
def test_sub_batches_ask_p_times_b_labels_with_a_fresh_diffusion_on_one_graph():
    budget, key = 16, jax.random.key(3)
    seeds, states, tasks = trial(1, budget)
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
    records = run(dataclasses.replace(SETTINGS, strategy=_Peeking()))

    assert (records[0].queried >= 0).all()
    assert not any(record.reached.any() for record in records)


def test_training_sees_the_labels_that_were_asked_and_no_others():
    seeds, states, tasks = trial(1, 12)
    state, task = jax.tree.map(lambda part: part[0], (states, tasks))
    wrong_elsewhere = task._replace(labels=jnp.where(state.labeled, task.labels, 1 - task.labels))
    step = jax.jit(cycle, static_argnames="settings")
    settings = dataclasses.replace(SETTINGS, strategy=MARGIN)

    right, _ = step(jax.random.key(0), state, task, jnp.asarray(4), settings=settings)
    wrong, _ = step(jax.random.key(0), state, wrong_elsewhere, jnp.asarray(4), settings=settings)

    for a, b in zip(jax.tree.leaves(right), jax.tree.leaves(wrong), strict=True):
        np.testing.assert_array_equal(a, b)


def test_from_scratch_starts_every_training_at_the_initial_weights():
    seeds, states, tasks = trial(1, 12)
    state, task = jax.tree.map(lambda part: part[0], (states, tasks))
    spoiled = state._replace(train=jax.tree.map(lambda part: part + 1, state.train))
    step = jax.jit(cycle, static_argnames="settings")
    settings = dataclasses.replace(SETTINGS, strategy=MARGIN)

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


def test_a_strategy_that_needs_dropout_refuses_a_network_without():
    with pytest.raises(ValueError, match="network must have dropout, which Scored.score='bald'. requires; it has none"):
        dataclasses.replace(SETTINGS, strategy=Scored(score="bald"))


def test_label_counts_end_at_the_budget():
    assert label_counts(4, 12, 3) == [4, 7, 10, 12]
    assert label_counts(4, 12, 4) == [4, 8, 12]
    assert label_counts(4, 4, 4) == [4]


@pytest.mark.parametrize("change", [{"query_size": 0}, {"num_sub_batches": 0}, {"num_passes": 0}])
def test_bad_loop_settings_are_refused(change):
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be at least 1; got 0"):
        dataclasses.replace(SETTINGS, **change)
