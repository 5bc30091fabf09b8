"""How many queries searches take, on average over seeds, beside the bounds."""

import functools

import jax
import numpy as np
import pytest
from refusals import refused
from small_searches import BY_HALVING, IN_THE_LIMIT, keys

from ddal_jax.theory import bounds, readout, search, tasks

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_float64")]


@functools.cache
def mixtures(separation=4.0, dimension=10, num_points=200):
    return tasks.mixture_task(range(30), dimension=dimension, separation=separation, num_points=num_points)


def test_a_separated_mixture_takes_exactly_two_queries_and_is_then_right():
    task = mixtures()

    result = search.batch_query(keys(30), task, num_steps=200)

    assert (result.num_queries == 2).all()
    assert (readout.share_wrong(result.order, task, num_steps=200) == 0).all()


def test_seeds_with_graphs_of_their_own_equal_a_loop():
    task = mixtures(separation=0.5)
    together = search.batch_query(keys(30), task, num_steps=3, max_queries=20).order

    for seed in range(3):
        one = jax.tree.map(lambda part, seed=seed: part[seed], task)
        alone = search.batch_query(keys(30)[seed : seed + 1], one, num_steps=3, max_queries=20)
        np.testing.assert_array_equal(alone.order[0], together[seed])


def test_a_number_of_keys_other_than_of_graphs_is_refused():
    refused(lambda: search.s2_search(keys(3), mixtures()), ValueError, "keys must have 30 entries, one per graph")


def test_a_hidden_island_takes_half_as_many_queries_again():
    plane, island = tasks.grid_task(24, 2), tasks.island_task(24)

    for run in (IN_THE_LIMIT, BY_HALVING):
        assert run(keys(10), island).certified.mean() > 1.5 * run(keys(10), plane).certified.mean()


def test_steps_of_log_n_take_five_times_the_queries_of_the_limit_on_a_path():
    path = tasks.grid_task(1024, 1)

    few_steps = search.batch_query(keys(10), path, num_steps=11).certified
    limit = search.batch_query(keys(10), path, num_steps=None).certified

    assert few_steps.mean() > 5 * limit.mean()
    assert limit.mean() < np.log2(1024) + 4
    assert few_steps.mean() > 1024 / 10  # linear in N, which Eq. (8) is not


@pytest.mark.parametrize(("side", "dimension", "cut"), [(16, 2, "half"), (16, 2, "diagonal"), (5, 3, "half")])
def test_no_mean_exceeds_the_bound_of_s2_or_the_unproved_fit(side, dimension, cut):
    task = tasks.grid_task(side, dimension, cut=cut)
    facts = tasks.cut_of(task)
    size = {"num_nodes": side**dimension, "cut_size": facts.size, "num_cut_components": facts.num_components}
    allowed = bounds.s2_bound(facts.balancedness, 0.05, kappa=3, **size)

    for run in (IN_THE_LIMIT, BY_HALVING):
        result = run(keys(20), task)
        assert result.certified.mean() <= allowed
        assert result.certified.mean() <= bounds.theorem1_fit_unproved(result.both_classes.mean(), **size)


def test_one_start_and_few_steps_leave_much_of_a_plane_unread():
    """Clusters that no edge joins: the limit is right once both are labelled; three steps do not reach everyone."""
    task = mixtures(separation=3.0, dimension=2)

    result = search.batch_query(keys(30), task, num_steps=None, max_queries=6, goal=search.never)

    assert np.mean(readout.share_wrong(result.order, task) == 0) > 0.9
    assert np.mean(readout.share_wrong(result.order, task, num_steps=3) == 0) < 0.1
