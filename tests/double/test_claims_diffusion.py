"""Claims about clamped diffusion, Eq. (3) to (5), in float64."""

import generators
import jax
import jax.numpy as jnp
import numpy as np
import oracles
from courses import NUM_CLASSES, NUM_STEPS, STEPS, course, known
from generators import NUM_NODES
from hypothesis import given
from hypothesis import strategies as st

from ddal_jax import diffuse, harmonic, reach, signed, simplex
from ddal_jax.graph.precision import with_dtype

# Twelve means of values in [0, 1].
ROUNDING = 1e-12

labels_of = {"label_set": generators.label_sets, "seed": generators.seeds}
class_counts = st.sampled_from([2, NUM_CLASSES])


@jax.jit
def views(masses):
    """Reach, chi and q."""
    return reach(masses), signed(masses), simplex(masses)


single_precision = jax.jit(lambda graph: with_dtype(graph, jnp.float32))


def path_of(num_nodes):
    """A path among isolated nodes."""
    ends = np.arange(num_nodes - 1)
    weights = np.zeros((NUM_NODES, NUM_NODES))
    weights[ends, ends + 1] = weights[ends + 1, ends] = 1
    return generators.table(weights)


@given(graph=generators.graphs, **labels_of)
def test_many_steps_are_single_steps_one_after_the_other(graph, label_set, seed):
    _, labeled, mass = known(label_set, seed)

    at_once = diffuse(generators.as_directed(graph), mass, labeled, num_steps=NUM_STEPS)

    assert at_once.dtype == jnp.float64
    np.testing.assert_allclose(at_once, course(graph, mass, labeled)[-1], atol=ROUNDING)


@given(graph=generators.graphs, num_classes=class_counts, **labels_of)
def test_both_iterations_of_the_paper_are_read_from_the_mass(graph, num_classes, label_set, seed):
    """Claims D1 and D2."""
    labels, labeled, mass = known(label_set, seed, num_classes)

    _, chi, q = map(np.asarray, views(jnp.asarray(course(graph, mass, labeled)[..., :num_classes])))

    matrix = oracles.transition(oracles.dense(graph))
    connected = labeled | (np.asarray(graph.degrees) > 0)  # the printed start 1/C leaks away where a row of M is zero
    for num_steps in (0, 1, 4, NUM_STEPS):
        printed = oracles.one_vs_all(matrix, labels, labeled, num_classes, num_steps)
        np.testing.assert_allclose(chi[num_steps], printed, atol=ROUNDING)
        printed = oracles.multivariate(matrix, labels, labeled, num_classes, num_steps)
        np.testing.assert_allclose(q[num_steps][connected], printed[connected], atol=ROUNDING)


@given(graph=generators.graphs, **labels_of)
def test_mass_is_a_probability_and_the_signal_is_at_most_the_reach(graph, label_set, seed):
    """Claim D3."""
    _, labeled, mass = known(label_set, seed)

    masses = course(graph, mass, labeled)

    total, chi, _ = map(np.asarray, views(jnp.asarray(masses)))
    assert masses.min() >= 0
    assert total.max() <= 1 + ROUNDING
    assert (np.abs(chi) <= total[..., None] + ROUNDING).all()


@given(graph=generators.graphs, more=generators.label_sets, **labels_of)
def test_mass_grows_with_the_steps_and_reach_with_the_labels(graph, more, label_set, seed):
    """Claim D4."""
    few, many = (
        course(graph, mass, labeled)
        for _, labeled, mass in (known(chosen, seed) for chosen in (label_set, label_set | more))
    )

    assert (np.diff(few, axis=0) >= -ROUNDING).all()
    assert (many.sum(axis=2) >= few.sum(axis=2) - ROUNDING).all()


@given(graph=generators.graphs, single=st.booleans(), **labels_of)
def test_reach_is_above_zero_exactly_within_as_many_hops_in_both_precisions(graph, single, label_set, seed):
    """Claim D5."""
    _, labeled, mass = known(label_set, seed)
    graph = single_precision(graph) if single else graph

    reached = course(graph, mass, labeled).sum(axis=2) > 0

    hops = oracles.hops(oracles.dense(graph), labeled)
    for num_steps, found in zip(STEPS, reached, strict=True):
        np.testing.assert_array_equal(found, (hops >= 0) & (hops <= num_steps))


@given(graph=generators.graphs, **labels_of)
def test_float32_loses_a_millionth_of_the_mass_at_most(graph, label_set, seed):
    """Claim D6."""
    _, labeled, mass = known(label_set, seed)

    single = course(single_precision(graph), mass, labeled)

    np.testing.assert_allclose(single, course(graph, mass, labeled), atol=1e-6)  # 12 float32 means


@given(graph=generators.graphs, **labels_of)
def test_diffusion_tends_to_the_smallest_solution_no_slower_than_reach_does(graph, label_set, seed):
    """Claims D7 and D8."""
    _, labeled, mass = known(label_set, seed)

    masses = course(graph, mass, labeled)

    weights = oracles.dense(graph)
    limit = oracles.harmonic(weights, mass, labeled)
    # The solve behind the limit rounds once for every step that a walk takes to a label.
    rounding = ROUNDING + 1e-15 * oracles.steps_to_a_label(weights, labeled).max()
    missing = np.abs(limit - masses).sum(axis=2)
    assert (missing <= limit.sum(axis=1) - masses.sum(axis=2) + rounding).all()
    np.testing.assert_array_equal(masses[:, oracles.hops(weights, labeled) < 0], 0.0)


@given(graph=generators.graphs, **labels_of)
def test_the_limit_solves_eq_4_and_is_zero_where_no_label_is_reached(graph, label_set, seed):
    """Claims D8 and D9."""
    _, labeled, mass = known(label_set, seed)

    found = harmonic(graph, mass, labeled, tolerance=1e-13, max_steps=200_000)

    weights = oracles.dense(graph)
    expected = oracles.harmonic(weights, mass, labeled)
    allowed = 1e-12 * max(1.0, oracles.steps_to_a_label(weights, labeled).max())
    limit = np.asarray(found.mass)
    chi = 2 * limit - limit.sum(axis=1, keepdims=True)
    assert found.residual <= 1e-10
    np.testing.assert_allclose(limit, expected, atol=allowed)
    assert (np.abs(chi) <= 1 + allowed).all()
    np.testing.assert_array_equal(limit[oracles.hops(weights, labeled) < 0], 0.0)
    free = ~labeled
    laplacian = np.diag(weights.sum(axis=1)) - weights
    left = laplacian[np.ix_(free, free)] @ chi[free]
    right = -laplacian[np.ix_(free, labeled)] @ chi[labeled]
    np.testing.assert_allclose(left, right, atol=1e-10 * max(1.0, weights.sum(axis=1).max()))


@given(graph=generators.graphs, loops=st.floats(0.1, 10), **labels_of)
def test_self_loops_leave_the_limit_unchanged(graph, loops, label_set, seed):
    """Claim D10."""
    _, labeled, mass = known(label_set, seed)
    weights = oracles.dense(graph)

    found = harmonic(graph, mass, labeled, tolerance=1e-13, max_steps=200_000)

    looped = oracles.transition(weights + loops * np.diag(weights.sum(axis=1)))
    expected = oracles.absorbed(looped, mass, labeled)
    # Staying where it is, a walk takes 1 + loops times as many steps.
    allowed = 1e-12 * (1 + loops) * max(1.0, oracles.steps_to_a_label(weights, labeled).max())
    np.testing.assert_allclose(found.mass, expected, atol=max(1e-9, allowed))


@given(graph=generators.graphs, label_set=generators.label_sets, seed=generators.seeds)
def test_the_jacobi_iteration_of_eq_5_is_clamped_diffusion(graph, label_set, seed):
    """Claim D11."""
    labels, labeled, mass = known(label_set, seed, num_classes=2)

    chi = np.asarray(views(jnp.asarray(course(graph, mass, labeled)[..., :2]))[1])

    weights = oracles.dense(graph)
    signs = np.where(labels == 0, 1.0, -1.0)
    for num_steps in (0, 1, 4, NUM_STEPS):
        by_jacobi = oracles.jacobi(weights, signs, labeled, num_steps)
        np.testing.assert_allclose(chi[num_steps][:, 0], by_jacobi, atol=ROUNDING)


def test_with_self_loops_the_jacobi_iteration_is_another_one():
    """Claim D11: on a path of three whose middle carries a loop of weight 2, one step gives 1/2 and not 1/4."""
    weights = np.array([[0.0, 1, 0], [1, 2, 1], [0, 1, 0]])
    labeled = np.array([True, False, False])
    signs = np.array([1.0, 0, 0])

    by_jacobi = oracles.jacobi(weights, signs, labeled, 1)
    by_walk = oracles.clamped_diffusion(oracles.transition(weights), np.where(labeled, signs, 0.0), labeled, 1)

    assert (by_jacobi[1], by_walk[1]) == (0.5, 0.25)


@given(graph=generators.symmetric_graphs, label_set=generators.label_sets)
def test_mass_and_rate_are_limited_by_the_cut_around_the_labels(graph, label_set):
    """Claim D12: the mean mass after T steps is at most T cut(l, u) / vol(u)."""
    _, labeled, mass = known(label_set, seed=0)

    masses = course(graph, mass, labeled)

    weights = oracles.dense(graph)
    degrees = weights.sum(axis=1)
    volume = degrees[~labeled].sum()
    if volume == 0:
        return
    share = weights[np.ix_(labeled, ~labeled)].sum() / volume
    means = masses.sum(axis=2)[:, ~labeled] @ degrees[~labeled] / volume
    assert (means <= STEPS * share + ROUNDING).all()
    assert 1 - oracles.clamped_rate(weights, labeled) <= share + ROUNDING


@given(graph=generators.symmetric_graphs, **labels_of)
def test_what_is_missing_shrinks_by_the_rate_of_the_clamped_walk(graph, label_set, seed):
    """Claim D13."""
    _, labeled, mass = known(label_set, seed)

    masses = course(graph, mass, labeled)

    weights = oracles.dense(graph)
    limit = oracles.harmonic(weights, mass, labeled)
    sizes = np.sqrt(weights.sum(axis=1) @ (limit - masses) ** 2)
    rate = oracles.clamped_rate(weights, labeled)
    rounding = ROUNDING + 1e-15 * oracles.steps_to_a_label(weights, labeled).max()
    assert (sizes <= rate ** STEPS[:, None] * sizes[0] + NUM_NODES * rounding).all()


@given(graph=generators.symmetric_graphs, label_set=generators.label_sets)
def test_the_clamped_walk_dies_out_exactly_where_every_node_reaches_a_label(graph, label_set):
    """Claim D7: the limit is the only solution if and only if the rate is below 1."""
    labeled = generators.mask(label_set)
    weights = oracles.dense(graph)
    labeled |= weights.sum(axis=1) == 0

    reached = (oracles.hops(weights, labeled) >= 0).all()
    rate = oracles.clamped_rate(weights, labeled)

    # No walk of these graphs takes 10^11 steps to a label.
    assert reached == (rate < 1 - 1e-12)


def test_the_probability_of_arriving_does_not_start_at_one_half():
    """Claim D1, against the print: with p_0 = 0 on unlabelled points 2 p - 1 is -1 there, where the paper has 0."""
    labeled = generators.mask({0})
    mass = oracles.one_hot(np.zeros(NUM_NODES, int), labeled, NUM_CLASSES)

    masses = course(path_of(3), mass, labeled)[..., :2]

    chi = np.asarray(views(jnp.asarray(masses))[1])
    np.testing.assert_array_equal(2 * masses[1, :3, 0] - 1, [1, 0, -1])
    np.testing.assert_array_equal(chi[1, :3, 0], [1, 0.5, 0])


def test_an_exploratory_label_brings_nobody_else_nearer():
    """Claim D14, against the print: on a path labelled at one end, asking the other leaves the first half as far."""
    path = path_of(11)
    before, after = generators.mask({0}), generators.mask({0, 10})

    masses = course(path, oracles.one_hot(np.zeros(NUM_NODES, int), before, NUM_CLASSES), before)

    hops, fewer = (oracles.hops(oracles.dense(path), labeled) for labeled in (before, after))
    np.testing.assert_array_equal(masses[:10, 10], 0.0)  # asked at any T below 10, since nothing reaches it
    np.testing.assert_array_equal(fewer[:6], hops[:6])


def test_iterating_probabilities_from_one_over_c_loses_the_ties_that_mass_keeps():
    """Claim D15: in float32 the iteration of appendix A leaves unreached points with unequal probabilities."""
    labeled = generators.mask({0})
    mass = oracles.one_hot(np.zeros(NUM_NODES, int), labeled, NUM_CLASSES)
    graph = single_precision(generators.neighborhood(2, 2, False, (5, "none")))
    matrix = oracles.transition(oracles.dense(graph)).astype(np.float32)

    after = course(graph, mass, labeled)[2]
    printed = np.where(labeled[:, None], mass, 1 / NUM_CLASSES).astype(np.float32)
    for _ in range(2):
        printed = np.where(labeled[:, None], mass, matrix @ printed).astype(np.float32)

    unreached = after.sum(axis=1) == 0
    probabilities = np.asarray(simplex(jnp.asarray(after)))
    assert probabilities.dtype == np.float32
    np.testing.assert_array_equal(probabilities[unreached], np.float32(1 / NUM_CLASSES))
    assert np.unique(printed[unreached]).size > 1
