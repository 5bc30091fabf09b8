"""Claims about the spectrum of the walk and the unclamped iteration, in float64."""

import warnings

import generators
import jax
import numpy as np
import oracles
import pytest
from generators import NUM_NODES
from hypothesis import assume, given
from hypothesis import strategies as st

from ddal_jax import affinity, walk
from ddal_jax.graph.types import DirectedGraph
from ddal_jax.spectral import clamped_rate, spectrum
from ddal_jax.theory import convergence
from ddal_jax.theory.cuts import rayleigh_quotient

# Random graphs may have a multiple second eigenvalue.
pytestmark = pytest.mark.filterwarnings("ignore:The second eigenvalue")

KEY = jax.random.key(0)
NUM_STEPS = 1000
TOLERANCE = 1e-12
ROUNDING = 1e-10

starts = st.builds(lambda seed: np.random.default_rng(seed).normal(size=NUM_NODES), generators.seeds)


def leading(graph, num_pairs=2):
    """The pairs that the library finds."""
    return [np.asarray(part) for part in spectrum(graph, num_pairs=num_pairs, tolerance=TOLERANCE, key=KEY)]


@jax.jit
def unclamped(graph, start):
    """M^t start, t = 0 to 1000."""

    def step(current, _):
        return walk(graph, current[:, None])[:, 0], current

    return jax.lax.scan(step, start, length=NUM_STEPS + 1)[1]


def whole_spectrum(weights):
    """All eigenpairs; those that isolated nodes add are null vectors of eigenvalue 0."""
    eigenvalues, phi = oracles.eigenpairs(weights)
    missing = NUM_NODES - len(eigenvalues)
    return np.pad(eigenvalues, (0, missing)), np.pad(phi, ((0, 0), (0, missing)))


def unit(weights, start, centred=True):
    """A start of D-norm one, 0 at nodes without edges."""
    degrees = weights.sum(axis=1)
    start = np.where(degrees > 0, start - centred * (degrees @ start) / degrees.sum(), 0.0)
    return start / np.sqrt(degrees @ start**2)


@given(weights=generators.connected_weights)
def test_eigenpairs_of_the_walk_solve_the_generalised_problem_of_the_laplacian(weights):
    """Claim S1."""
    graph = generators.table(weights)

    eigenvalues, phi, residuals = leading(graph)

    degrees = weights.sum(axis=1)
    laplacian = np.diag(degrees) - weights
    expected, _ = oracles.eigenpairs(weights)
    np.testing.assert_allclose(eigenvalues, expected[:2], atol=ROUNDING)
    np.testing.assert_allclose(laplacian @ phi, degrees[:, None] * phi * (1 - eigenvalues), atol=ROUNDING)
    np.testing.assert_allclose(oracles.transition(weights) @ phi, phi * eigenvalues, atol=ROUNDING)
    np.testing.assert_allclose(phi.T @ (degrees[:, None] * phi), np.eye(2), atol=ROUNDING)
    np.testing.assert_allclose(phi[degrees > 0, 0], degrees.sum() ** -0.5, rtol=ROUNDING)
    assert eigenvalues[0] == pytest.approx(1, abs=ROUNDING)
    assert (np.abs(eigenvalues) <= 1 + ROUNDING).all()
    assert residuals.max() <= ROUNDING


@given(weights=generators.connected_weights)
def test_the_whole_spectrum_is_real_and_its_eigenvectors_span(weights):
    """Claim S2."""
    eigenvalues = np.linalg.eigvals(oracles.transition(weights))
    _, phi = oracles.eigenpairs(weights)

    degrees = weights.sum(axis=1)
    # A symmetric matrix in disguise; the general solver cannot know, and double eigenvalues cost it half the digits.
    assert np.abs(eigenvalues.imag).max() < 1e-7
    assert (np.abs(eigenvalues) <= 1 + ROUNDING).all()
    np.testing.assert_allclose(phi.T @ (degrees[:, None] * phi), np.eye((degrees > 0).sum()), atol=ROUNDING)


@given(weights=generators.two_blocks)
def test_the_eigenvalue_one_is_as_frequent_as_there_are_components(weights):
    """Claim S1."""
    half = NUM_NODES // 2
    weights[:half, half:] = weights[half:, :half] = 0

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        eigenvalues, phi, _ = leading(generators.table(weights))

    expected, _ = oracles.eigenpairs(weights)
    assert len(said) == 1
    np.testing.assert_allclose(eigenvalues, [1, 1], atol=ROUNDING)
    assert expected[2] < 1 - 1e-6
    # Constant on each component.
    assert np.ptp(phi[:half], axis=0).max() < ROUNDING
    assert np.ptp(phi[half:], axis=0).max() < ROUNDING


def test_the_printed_graph_may_have_no_basis_of_eigenvectors():
    """Claim S2, against the print: 1-nearest-neighbour graph of four points on a line, three eigenvectors."""
    points = np.array([[0.0], [1.0], [1.9], [2.7]])

    graph = affinity(generators.knn(points, 1), symmetrize="none")

    _, vectors = np.linalg.eig(oracles.transition(oracles.dense(graph)))
    assert np.linalg.matrix_rank(vectors, tol=1e-6) == 3
    with pytest.raises(TypeError, match="DirectedGraph"):
        spectrum(graph, num_pairs=2, key=KEY)


def test_the_printed_graph_has_complex_eigenvalues():
    """Claim S2, against the print."""
    graph = generators.neighborhood(0, 5, False, (5, "none"))

    eigenvalues = np.linalg.eigvals(oracles.transition(oracles.dense(graph)))

    assert isinstance(graph, DirectedGraph)
    assert (np.abs(eigenvalues.imag) > 1e-3).mean() > 0.3


@given(weights=generators.connected_weights, trial=starts)
def test_the_second_eigenvector_has_the_smallest_normalised_cut(weights, trial):
    """Claim S3."""
    graph = generators.table(weights)
    eigenvalues, phi, _ = leading(graph)

    at_phi, at_trial = (float(rayleigh_quotient(graph, signal)) for signal in (phi[:, 1], trial))

    laplacian = np.diag(weights.sum(axis=1)) - weights
    trial = unit(weights, trial)
    assert at_phi == pytest.approx(1 - eigenvalues[1], abs=ROUNDING)
    assert at_trial == pytest.approx(trial @ laplacian @ trial, abs=ROUNDING)
    assert at_trial >= 1 - eigenvalues[1] - ROUNDING


@pytest.mark.slow
@given(weights=generators.connected_weights, label_set=generators.label_sets)
def test_the_rate_is_the_spectral_radius_of_the_unlabelled_block(weights, label_set):
    """Claim D13."""
    labeled = generators.mask(label_set)

    rate = clamped_rate(generators.table(weights), labeled, tolerance=TOLERANCE, key=KEY)

    np.testing.assert_allclose(rate, oracles.clamped_rate(weights, labeled), atol=ROUNDING)


@given(weights=generators.connected_weights, label_set=generators.label_sets)
def test_the_clamped_iteration_is_a_power_of_another_matrix(weights, label_set):
    """Claim S4, against the print: the matrix is [[I, 0], [M_ul, M_uu]]; 1 counts once a label, the rest is M_uu's."""
    labeled = generators.mask(label_set)
    matrix = oracles.transition(weights)
    clamped = np.where(labeled[:, None], np.eye(NUM_NODES), matrix)
    start = np.where(labeled, np.random.default_rng(0).choice([-1.0, 1.0], NUM_NODES), 0.0)

    by_power = np.linalg.matrix_power(clamped, 12) @ start

    by_clamping = oracles.clamped_diffusion(matrix, start[:, None], labeled, 12)[:, 0]
    np.testing.assert_allclose(by_power, by_clamping, atol=TOLERANCE)
    free = (weights.sum(axis=1) > 0) & ~labeled
    inner = np.linalg.eigvals(matrix[np.ix_(free, free)])
    outer = np.linalg.eigvals(clamped[np.ix_(free | labeled, free | labeled)])
    # Multiple eigenvalues of a general matrix are found to half the digits.
    expected = np.sort(np.concatenate([np.ones(labeled.sum()), inner.real]))
    np.testing.assert_allclose(np.sort(outer.real), expected, atol=1e-6)


@given(weights=generators.connected_weights, start=starts)
def test_the_unclamped_iteration_tends_to_a_constant(weights, start):
    """Claim S5, against the print: to the D-mean of the start, at the rate of the second largest |eigenvalue|."""
    start = unit(weights, start, centred=False)
    degrees = weights.sum(axis=1)
    eigenvalues, _ = oracles.eigenpairs(weights)

    along = np.asarray(unclamped(generators.table(weights), start))

    rate = np.abs(eigenvalues[1:]).max()
    constant = np.where(degrees > 0, degrees @ start / degrees.sum(), 0.0)
    for num_steps in (1, 10, NUM_STEPS):
        distance = np.sqrt(degrees @ (along[num_steps] - constant) ** 2)
        assert distance <= rate**num_steps * np.sqrt(degrees @ (start - constant) ** 2) + 1e-8


@given(weights=generators.connected_weights, start=starts, laziness=st.sampled_from([0.0, 0.5]))
def test_power_iteration_without_constants_turns_to_phi_2_as_predicted(weights, start, laziness):
    """Claim S6."""
    eigenvalues, phi = oracles.eigenpairs(weights)
    gap = 1.0 if len(eigenvalues) == 2 else eigenvalues[1] - eigenvalues[2]
    degrees = weights.sum(axis=1)
    start = unit(weights, start)
    coefficients = phi[:, 1:].T @ (degrees * start)
    stays = laziness + (1 - laziness) * eigenvalues[1]
    assume(gap > 1e-6 and abs(coefficients[0]) > 1e-3 and abs(stays) > 1e-3)

    graph = generators.table(weights)
    tangents = np.asarray(
        convergence.power_iteration(graph, start, phi[:, 1:2], num_steps=NUM_STEPS, laziness=laziness).tangents
    )
    library = convergence.predicted_tangents(graph, start, *whole_spectrum(weights), num_steps=20, laziness=laziness)

    shares = (laziness + (1 - laziness) * eigenvalues[2:]) / stays
    for num_steps in (1, 5, 20):
        predicted = np.sqrt((((coefficients[1:] / coefficients[0]) * shares**num_steps) ** 2).sum())
        if predicted < 1e9:  # beyond, what is left of phi_2 is rounding
            assert tangents[num_steps] == pytest.approx(predicted, rel=1e-5, abs=1e-9)
            assert library[num_steps] == pytest.approx(predicted, rel=1e-8)


GRID = np.arange(NUM_NODES).reshape(4, 6)
BIPARTITE = {
    "path": [(np.arange(23), np.arange(1, 24))],
    "grid": [(GRID[1:].ravel(), GRID[:-1].ravel()), (GRID[:, 1:].ravel(), GRID[:, :-1].ravel())],
}


@pytest.mark.parametrize("name", BIPARTITE)
def test_on_a_bipartite_graph_only_the_lazy_walk_turns_to_phi_2(name):
    """Claim S7, against the print: plain iteration ends in the vector of parity, whose eigenvalue is -1."""
    weights = np.zeros((NUM_NODES, NUM_NODES))
    for senders, receivers in BIPARTITE[name]:
        weights[senders, receivers] = weights[receivers, senders] = 1
    graph = generators.table(weights)
    start = unit(weights, np.random.default_rng(0).normal(size=NUM_NODES))
    eigenvalues, phi = oracles.eigenpairs(weights)

    plain, lazy = (
        convergence.power_iteration(graph, start, phi[:, 1:2], num_steps=NUM_STEPS, laziness=laziness)
        for laziness in (0.0, 0.5)
    )

    assert eigenvalues[-1] == pytest.approx(-1, abs=ROUNDING)
    assert plain.cosines[-1] < 1e-3
    assert abs(np.asarray(plain.signal) @ (weights.sum(axis=1) * phi[:, -1])) > 0.999
    assert lazy.cosines[-1] > 1 - 1e-6
