"""What the labels of a search tell of all other nodes, against dense solves in float64."""

import jax
import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_searches import NUM_NODES, NUM_SEEDS, dense_mass, keys, small

from ddal_jax.theory import readout, search, tasks

pytestmark = pytest.mark.usefixtures("in_float64")


@given(labeled=st.sets(st.integers(0, NUM_NODES - 1), min_size=1))
def test_the_limit_is_solved_as_finely_as_scores_are_rounded(labeled):
    task = small()
    labeled = np.isin(np.arange(NUM_NODES), sorted(labeled))

    mass = jax.jit(readout.limit)(task, labeled)

    expected = dense_mass(oracles.dense(task.graph), np.asarray(task.labels), labeled, None)
    np.testing.assert_allclose(mass, expected, atol=10.0 ** -(readout.DECIMALS + 1))


@pytest.mark.slow
def test_the_limit_on_a_path_of_a_thousand_is_the_straight_line():
    path = tasks.grid_task(1024, 1)
    labeled = np.isin(np.arange(1024), [0, 1023])

    mass = jax.jit(readout.limit)(path, labeled)

    np.testing.assert_allclose(mass[:, 1], np.arange(1024) / 1023, atol=10.0 ** -(readout.DECIMALS + 1))


@pytest.mark.parametrize("num_steps", [pytest.param(None, marks=pytest.mark.slow), 4])
def test_what_labels_tell_of_the_rest_agrees_with_a_dense_solve(num_steps):
    task = small("half")
    weights, labels = oracles.dense(task.graph), np.asarray(task.labels)
    result = search.s2_search(keys(), task)

    right_after = readout.queries_until_right(result.order, task, num_steps=num_steps)
    wrong = readout.share_wrong(result.order, task, num_steps=num_steps)

    for seed, order in enumerate(result.order):
        asked, shares = order[order >= 0], []
        for count in range(1, len(asked) + 1):
            labeled = np.isin(np.arange(NUM_NODES), asked[:count])
            mass = dense_mass(weights, labels, labeled, num_steps)
            lead = mass[np.arange(NUM_NODES), labels] - mass[np.arange(NUM_NODES), 1 - labels]
            shares.append(np.mean(lead < 1e-9))  # symmetric positions cancel only up to rounding
        assert right_after[seed] == next((q for q, share in enumerate(shares, 1) if share == 0), -1)
        assert wrong[seed] == pytest.approx(shares[-1], abs=1e-12)


def test_an_order_too_short_to_tell_is_never_right():
    order = np.full((1, NUM_NODES), -1, np.int32)
    order[0, 0] = 3

    assert readout.queries_until_right(np.repeat(order, NUM_SEEDS, axis=0), small("half"), num_steps=4)[0] == -1
