"""Clamped iteration and Lemma 1 against dense float64 algebra. Float32; all graphs of one shape."""

import dense_graphs
import numpy as np
import oracles
import pytest
from dense_graphs import NUM_NODES, eigenpairs, graph_of, labeled_at, random_weights
from hypothesis import given
from hypothesis import strategies as st

from ddal_jax import diffuse, harmonic, label_mass, signed
from ddal_jax.theory import angles, clamped

seeds = st.integers(0, 10**6)
each_seed = pytest.mark.parametrize("seed", range(4))


def rate_of(weights, labeled):
    """The spectral radius of M_uu."""
    roots = np.sqrt(weights.sum(axis=1)[~labeled])
    return np.linalg.eigvalsh(weights[np.ix_(~labeled, ~labeled)] / np.outer(roots, roots))[-1]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("tolerance", [0.7, 0.3, 1e-3])
def test_steps_needed_is_the_first_power_below_the_tolerance(rate, tolerance):
    needed = int(clamped.steps_needed(rate, tolerance))

    assert rate**needed <= tolerance * (1 + 1e-6)
    assert rate ** (needed - 1) > tolerance * (1 - 1e-6)


def test_steps_are_infinite_at_rate_one_and_none_at_tolerance_one():
    np.testing.assert_array_equal(clamped.steps_needed(np.array([0.5, 1.0]), 0.5), [1, np.inf])
    np.testing.assert_array_equal(clamped.steps_needed(np.array([0.5, 1.0]), 1.0), [0, 0])


@given(seed=seeds, label_set=st.sets(st.integers(0, NUM_NODES - 1), min_size=1, max_size=4))
def test_no_labels_absorb_faster_than_their_conductance(seed, label_set):
    weights, labeled = random_weights(seed), labeled_at(*label_set)
    graph = graph_of(weights)
    mass = label_mass(np.zeros(NUM_NODES, np.int32), labeled, num_classes=2)

    conductance = float(clamped.label_conductance(graph, labeled))

    np.testing.assert_allclose(
        conductance, weights[np.ix_(labeled, ~labeled)].sum() / weights[~labeled].sum(), rtol=1e-5
    )
    assert 1 - rate_of(weights, labeled) <= conductance + 1e-5
    for num_steps in (1, 4):
        diffused = diffuse(graph, mass, labeled, num_steps=num_steps)
        assert clamped.mean_mass(graph, diffused, labeled) <= num_steps * conductance + 1e-5


def test_where_nothing_is_unlabelled_all_has_arrived():
    graph, everywhere = graph_of(random_weights(0)), np.ones(NUM_NODES, bool)

    assert clamped.label_conductance(graph, everywhere) == 1
    assert clamped.mean_mass(graph, np.ones((NUM_NODES, 2)), everywhere) == 0
    assert clamped.label_conductance(graph, ~everywhere) == 0


@each_seed
def test_after_the_steps_needed_the_error_is_within_the_tolerance(seed):
    weights = random_weights(seed)
    labeled = labeled_at(0, 5)
    mass = label_mass(np.arange(NUM_NODES) % 2, labeled, num_classes=2)

    num_steps = int(clamped.steps_needed(rate_of(weights, labeled), 0.05))

    limit = oracles.harmonic(weights, np.asarray(mass, np.float64), labeled)
    matrix = oracles.transition(weights)
    missing = [limit - oracles.clamped_diffusion(matrix, np.asarray(mass), labeled, steps) for steps in (0, num_steps)]
    sizes = [np.sqrt(dense_graphs.dot(weights, column, column)) for error in missing for column in error.T]
    np.testing.assert_array_less(sizes[2:], 0.05 * (1 + 1e-4) * np.array(sizes[:2]))


def lemma_of(graph, weights, signal, labeled):
    values, vectors = eigenpairs(weights)
    return clamped.lemma_1(graph, signal, labeled, vectors[:, 1], values[1], rate_of(weights, labeled), tolerance=1e-6)


@given(seed=seeds, label_set=st.sets(st.integers(0, NUM_NODES - 1), min_size=2, max_size=6))
def test_the_limit_is_phi_2_up_to_the_pieces_of_lemma_1(seed, label_set):
    weights, labeled = random_weights(seed), labeled_at(*label_set)
    classes = np.random.default_rng(seed).integers(0, 2, NUM_NODES)
    y = np.where(classes == 0, 1.0, -1.0)
    graph = graph_of(weights)

    lemma = lemma_of(graph, weights, y, labeled)

    values, vectors = eigenpairs(weights)
    phi = vectors[:, 1]
    extension = oracles.harmonic(weights, phi[:, None], labeled)[:, 0]
    # A walk of these graphs may take some hundred steps to a label; each counts the tolerance of the solution.
    np.testing.assert_allclose(lemma.error, phi - extension, atol=1e-4)
    assert (np.asarray(lemma.error)[labeled] == 0).all()
    assert lemma.error_norm <= lemma.bound * (1 + 1e-4) + 1e-5
    slope, offset, misfit = float(lemma.slope), float(lemma.offset), float(lemma.misfit)
    np.testing.assert_allclose(misfit, np.abs(y - slope * phi - offset)[labeled].max(), atol=1e-4 * max(1, abs(slope)))
    chi = oracles.harmonic(weights, y[:, None], labeled)[:, 0]
    allowed = misfit + np.abs(slope * np.asarray(lemma.error, np.float64))
    assert (np.abs(chi - slope * phi - offset) <= allowed + 1e-4 * max(1, abs(slope))).all()


def test_labels_are_fitted_by_least_squares():
    weights, labeled = random_weights(1), labeled_at(0, 2, 5, 7)
    y = np.where(np.arange(NUM_NODES) < 4, 1.0, -1.0)
    phi = eigenpairs(weights)[1][:, 1]

    lemma = lemma_of(graph_of(weights), weights, y, labeled)

    slope, offset = np.polyfit(phi[labeled], y[labeled], 1)
    np.testing.assert_allclose([lemma.slope, lemma.offset], [slope, offset], rtol=1e-4)


def test_lemma_1_is_exact_where_phi_2_vanishes_off_the_labels():
    """A path with an odd number of nodes, labels at all but its middle."""
    weights = np.zeros((NUM_NODES, NUM_NODES))
    weights[:3, :3] = dense_graphs.path_weights(3)
    graph, labeled = graph_of(weights), labeled_at(0, 2)
    phi = np.zeros(NUM_NODES)
    phi[[0, 2]] = [1, -1]

    lemma = clamped.lemma_1(graph, np.sign(phi), labeled, phi, 0.0, 0.0)

    assert (lemma.slope, lemma.offset, lemma.misfit, lemma.error_norm, lemma.bound) == (1, 0, 0, 0, 0)


def test_a_single_label_has_no_slope_and_a_component_without_labels_no_bound():
    weights = dense_graphs.blocks_weights(6, 6, bridge=0.0)
    graph = graph_of(weights)
    phi = np.where(np.arange(NUM_NODES) < 6, 1.0, -1.0)

    lemma = clamped.lemma_1(graph, np.ones(NUM_NODES), labeled_at(0), phi, 0.5, 1.0)

    assert (lemma.slope, lemma.offset) == (0, 1)
    assert lemma.ratio == np.inf
    assert lemma.bound == np.inf


def test_of_two_blocks_with_a_thin_bridge_the_centred_cosine_tends_to_one_and_the_raw_one_does_not():
    weights = dense_graphs.blocks_weights(4, 8, bridge=1e-3)
    graph, labeled = graph_of(weights), labeled_at(1, 6)
    mass = label_mass((np.arange(NUM_NODES) >= 4).astype(np.int32), labeled, num_classes=2)

    chi = signed(harmonic(graph, mass, labeled, tolerance=1e-6).mass)[:, 0]
    phi = eigenpairs(weights)[1][:, 1]

    degrees = weights.sum(axis=1)
    volumes = degrees[:4].sum(), degrees[4:].sum()
    limit = 2 * np.sqrt(volumes[0] * volumes[1]) / sum(volumes)
    assert np.abs(angles.centered_cosine(graph, chi, phi)) > 0.9999
    np.testing.assert_allclose(np.abs(angles.cosine(graph, chi, phi)), limit, atol=1e-3)  # the order of the bridge
    assert angles.sign_agreement(chi, phi, ~labeled) == 1


def test_adjacent_labels_at_the_end_of_a_path_keep_the_limit_from_phi_2():
    """Lemma 1 as printed fails: behind the label of -1 everything is -1."""
    weights = dense_graphs.path_weights()
    graph, labeled = graph_of(weights), labeled_at(0, 1)
    mass = label_mass((np.arange(NUM_NODES) == 1).astype(np.int32), labeled, num_classes=2)

    chi = signed(harmonic(graph, mass, labeled, tolerance=1e-6).mass)[:, 0]

    np.testing.assert_allclose(chi, np.where(np.arange(NUM_NODES) == 0, 1, -1), atol=1e-3)
    assert np.abs(angles.centered_cosine(graph, chi, eigenpairs(weights)[1][:, 1])) < 0.5


def test_bad_input_is_refused_by_name(plain_types):
    weights = random_weights(0)
    graph = graph_of(weights)
    signal, labeled = eigenpairs(weights)[1][:, 1], labeled_at(0)
    for call, error, message in [
        (lambda: clamped.steps_needed(1.5, 0.1), ValueError, r"^rate must lie in \[0, 1\]; got 1.5"),
        (lambda: clamped.steps_needed(0.5, 0.0), ValueError, "^tolerance must be a finite number above 0"),
        (lambda: clamped.label_conductance(graph, signal), TypeError, "^labeled must be a boolean array"),
        (lambda: clamped.lemma_1(graph, signal, labeled, signal[:3], 0.5, 0.5), ValueError, "^phi must have 12"),
        (lambda: clamped.lemma_1(graph, signal, labeled, signal, signal, 0.5), ValueError, "^eigenvalue must have"),
    ]:
        with pytest.raises(error, match=message):
            call()
