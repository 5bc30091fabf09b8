"""Claims about what is asked: Eq. (6) with arg min^B, exploration, and Theorem 2, in float64."""

import generators
import jax
import jax.numpy as jnp
import numpy as np
import oracles
from courses import NUM_STEPS, STEPS, course, known
from generators import NUM_NODES
from hypothesis import given
from hypothesis import strategies as st

from ddal_jax import scores
from ddal_jax.selection import lowest


@jax.jit
def _min_abs(mass):
    return scores.min_abs(mass)


def min_abs(mass):
    """The scores of Eq. (6)."""
    return np.asarray(_min_abs(jnp.asarray(mass)))


@given(
    graph=generators.graphs,
    label_set=generators.label_sets,
    seed=generators.seeds,
    num_steps=st.integers(0, NUM_STEPS),
    query_size=st.sampled_from([1, 6]),
)
def test_a_query_asks_the_weakest_and_while_enough_are_unreached_none_but_those(
    graph, label_set, seed, num_steps, query_size
):
    """Claim Q1."""
    _, labeled, mass = known(label_set, seed)
    after = course(graph, mass, labeled)[num_steps]
    score = min_abs(after)

    asked, again = (np.asarray(lowest(jax.random.key(seed), score, labeled, query_size=query_size)) for _ in range(2))

    reached = after.sum(axis=1) > 0
    left = np.setdiff1d(np.flatnonzero(~labeled), asked)
    hops = oracles.hops(oracles.dense(graph), labeled)
    np.testing.assert_array_equal(asked, again)
    assert len(set(asked)) == query_size
    assert (asked >= 0).all()
    assert not labeled[asked].any()
    assert np.float32(score[asked]).max() <= np.float32(score[left]).min()  # scores are ranked in float32
    if (~reached).sum() >= query_size and (np.float32(score[reached & ~labeled]) > 0).all():
        assert ((hops[asked] < 0) | (hops[asked] > num_steps)).all()


def test_among_ties_the_key_decides_and_no_class_of_a_sorted_pool_is_favoured():
    """Claim Q2: index order would ask six points of one class."""
    nothing = np.zeros(NUM_NODES, bool)

    asked = np.stack([lowest(jax.random.key(seed), np.zeros(NUM_NODES), nothing, query_size=6) for seed in range(40)])

    counts = np.bincount(asked.ravel() // (NUM_NODES // 4), minlength=4)
    assert (asked[0] != asked[1]).any()
    assert np.abs(counts - 60).max() < 5 * np.sqrt(240 * 0.25 * 0.75)


def test_two_symmetric_positions_cancel_in_the_signal_yet_are_reached():
    """Claim Q3, against the print: a score of 0 is no proof that a point is unreached."""
    weights = generators.padded(np.eye(9, k=1) + np.eye(9, k=-1))
    labeled = generators.mask({0, 8})
    mass = oracles.one_hot((np.arange(NUM_NODES) == 8).astype(int), labeled, 5)

    after = course(generators.table(weights), mass, labeled)[4]

    assert min_abs(after[:, :2])[4] == 0
    assert after[4].sum() > 0


@given(label_set=generators.label_sets)
def test_on_a_plane_a_label_reaches_no_more_than_the_ball_around_it(label_set):
    """Claim Q4: within T steps q labels reach at most q (2 T^2 + 2 T + 1) nodes of a grid, whatever K^T says."""
    grid = np.arange(NUM_NODES).reshape(4, 6)
    weights = np.zeros((NUM_NODES, NUM_NODES))
    weights[grid[1:], grid[:-1]] = 1
    weights[grid[:, 1:], grid[:, :-1]] = 1
    _, labeled, mass = known(label_set, seed=0)

    masses = course(generators.table(weights + weights.T), mass, labeled)

    counts = (masses.sum(axis=2) > 0).sum(axis=1)
    assert (counts <= labeled.sum() * (2 * STEPS**2 + 2 * STEPS + 1)).all()


@given(weights=generators.two_blocks, seed=generators.seeds)
def test_two_connected_classes_without_an_edge_between_them_take_two_queries(weights, seed):
    """Claim Q5: Theorem 2 as it holds, T at least the diameter, whatever the draws."""
    labels = (np.arange(NUM_NODES) >= NUM_NODES // 2).astype(np.int32)
    graph = generators.table(np.where(labels[:, None] == labels, weights, 0.0))
    one = np.arange(NUM_NODES) == np.random.default_rng(seed).integers(NUM_NODES)

    mass = course(graph, oracles.one_hot(labels, one, 5), one)[-1]
    asked = lowest(jax.random.key(seed), min_abs(mass), one, query_size=1)
    both = one | (np.arange(NUM_NODES) == int(asked[0]))
    mass = course(graph, oracles.one_hot(labels, both, 5), both)[-1]

    right, wrong = mass[np.arange(NUM_NODES), labels], mass[np.arange(NUM_NODES), 1 - labels]
    assert set(labels[both]) == {0, 1}
    assert (right > wrong).all()
