"""Claims about the limit of clamped diffusion and phi_2: Lemma 1, refuted and repaired, in float64."""

import generators
import jax
import numpy as np
import oracles
import pytest
from courses import NUM_CLASSES
from generators import NUM_NODES
from hypothesis import assume, given
from hypothesis import strategies as st

from ddal_jax import harmonic
from ddal_jax.spectral import spectrum
from ddal_jax.theory.angles import centered_cosine, cosine, sign_agreement
from ddal_jax.theory.clamped import lemma_1

# Random graphs may have a multiple second eigenvalue.
pytestmark = pytest.mark.filterwarnings("ignore:The second eigenvalue")

KEY = jax.random.key(0)
HALF = NUM_NODES // 2
TOLERANCE = 1e-13
# Of what a solve leaves when walks are short; each step that a walk takes to a label counts it once.
ROUNDING = 1e-12


def limit(graph, signs, labeled):
    """Signal of two classes at T = infinity."""
    mass = np.zeros((len(signs), NUM_CLASSES))
    mass[:, 0], mass[:, 1] = labeled & (signs > 0), labeled & (signs < 0)
    found = harmonic(graph, mass, labeled, tolerance=TOLERANCE, max_steps=100_000)
    first, second = np.asarray(found.mass)[:, :2].T
    return first - second


def second(graph):
    """lambda_2 and phi_2."""
    found = spectrum(graph, num_pairs=2, tolerance=1e-12, key=KEY)
    return np.asarray(found.eigenvalues)[1], np.asarray(found.eigenvectors)[:, 1]


def dense_limit(weights, values, labeled):
    return oracles.harmonic(weights, np.where(labeled, values, 0.0)[:, None], labeled)[:, 0]


def norm(weights, signal):
    return np.sqrt(weights.sum(axis=1) @ signal**2)


def signed_labels(label_set, seed):
    return generators.mask(label_set), np.random.default_rng(seed).choice([-1.0, 1.0], NUM_NODES)


def on_both_sides(seed):
    """One to three labels in each block, +1 in the first and -1 in the second."""
    random = np.random.default_rng(seed)
    labeled = np.zeros(NUM_NODES, bool)
    for block in (np.arange(HALF), np.arange(HALF, NUM_NODES)):
        labeled[random.choice(block, random.integers(1, 4), replace=False)] = True
    return labeled, np.where(np.arange(NUM_NODES) < HALF, 1.0, -1.0)


@given(
    weights=generators.connected_weights,
    label_set=generators.label_sets,
    seed=generators.seeds,
    slope=st.floats(-3, 3),
    offset=st.floats(-1, 1),
)
def test_the_limit_is_an_affine_function_of_phi_2_but_for_misfit_and_slow_mixing(
    weights, label_set, seed, slope, offset
):
    """Claim L1: chi - c phi_2 - d = Harm(r) - c e at any c and d, with max |Harm(r)| <= max |r| and a bound on e."""
    labeled, signs = signed_labels(label_set, seed)
    connected = weights.sum(axis=1) > 0
    assume(labeled[connected].any())
    graph = generators.table(weights)
    eigenvalue, phi = second(graph)

    chi = limit(graph, signs, labeled)
    rate = oracles.clamped_rate(weights, labeled)
    pieces = lemma_1(graph, signs, labeled, phi, eigenvalue, rate, tolerance=TOLERANCE)

    error = np.asarray(pieces.error)
    misfit = dense_limit(weights, signs - slope * phi - offset, labeled)
    allowed = 1e-9 + ROUNDING * oracles.steps_to_a_label(weights, labeled).max()
    left = (chi - slope * phi - offset)[connected | labeled]
    np.testing.assert_allclose(left, (misfit - slope * error)[connected | labeled], atol=allowed)
    assert np.abs(misfit).max() <= np.abs(signs - slope * phi - offset)[labeled].max() + allowed
    bound = (1 - eigenvalue) / (1 - rate) * norm(weights, phi * ~labeled)
    assert pieces.bound == pytest.approx(bound, abs=1e-10)
    # Near 1, lambda_2 and rho leave few digits of their distance from it.
    assert norm(weights, error) <= bound * (1 + 1e-6) + 1e-10


def labels_of_both_signs(connected, seed):
    """Two to five labels among the connected nodes, +1 and -1 in turn."""
    random = np.random.default_rng(seed)
    picked = random.permutation(np.flatnonzero(connected))[: random.integers(2, 6)]
    signs = np.zeros(NUM_NODES)
    signs[picked] = (-1.0) ** np.arange(len(picked))
    return signs != 0, signs


@given(weights=generators.connected_weights, seed=generators.seeds)
def test_the_limit_is_no_function_of_phi_2_unless_that_vanishes_off_the_labels(weights, seed):
    """Claim L2, against the print: on u, L (chi - c phi_2 - d) = -c (1 - lambda_2) D phi_2, whatever c and d."""
    connected = weights.sum(axis=1) > 0
    labeled, signs = labels_of_both_signs(connected, seed)
    graph = generators.table(weights)
    eigenvalue, phi = second(graph)

    chi = limit(graph, signs, labeled)

    degrees, free = weights.sum(axis=1), connected & ~labeled
    basis = np.stack([phi, np.ones(NUM_NODES)], axis=1)[connected]
    (slope, offset), *_ = np.linalg.lstsq(basis, chi[connected], rcond=None)
    left = np.where(connected, chi - slope * phi - offset, 0.0)
    laplacian = (np.diag(degrees) - weights)[free]
    allowed = 1e-9 + ROUNDING * oracles.steps_to_a_label(weights, labeled).max()
    np.testing.assert_allclose(laplacian @ left, -slope * (1 - eigenvalue) * degrees[free] * phi[free], atol=allowed)
    # So nothing is left only where phi_2 is 0 on u; and a slope of 0 leaves all of chi, which is not constant.
    if np.abs(degrees[free] * phi[free]).max(initial=0.0) * (1 - eigenvalue) > 1e-3:
        assert np.abs(left).max() > 1e-5


@given(weights=generators.two_blocks, label_set=generators.label_sets)
def test_a_signal_leaves_its_blocks_label_by_no_more_than_walks_leave_the_block(weights, label_set):
    """Claim L3: |chi_i - s_i| <= 2 P(the walk from i leaves its block before it meets a label there)."""
    labeled, signs = generators.mask(label_set), np.where(np.arange(NUM_NODES) < HALF, 1.0, -1.0)

    chi = limit(generators.table(weights), signs, labeled)

    matrix = oracles.transition(weights)
    leaving = np.zeros(NUM_NODES)
    for block in (signs > 0, signs < 0):
        stops = labeled | ~block
        leaving += block * oracles.absorbed(matrix, (stops & ~block)[:, None].astype(float), stops)[:, 0]
    allowed = ROUNDING * max(1.0, oracles.steps_to_a_label(weights, labeled).max())
    assert (np.abs(chi - signs) <= 2 * leaving + 1e-10 + allowed).all()
    sure = 2 * leaving < 1 - allowed
    assert (chi[sure] * signs[sure] > 0).all()


@given(
    seed=generators.seeds,
    num_cross=st.integers(1, 3),
    exponent=st.floats(-8, -6),
    first=st.integers(3, NUM_NODES - 3),
    label_seed=generators.seeds,
)
def test_of_blocks_nearly_apart_the_centred_cosine_tends_to_one_and_the_raw_one_to_a_ratio_of_volumes(
    seed, num_cross, exponent, first, label_seed
):
    """Claims L4 and L5."""
    weights = generators.blocks(seed, NUM_NODES, num_cross, exponent, first)
    in_first = np.arange(NUM_NODES) < first
    random = np.random.default_rng(label_seed)
    labeled = np.isin(np.arange(NUM_NODES), [random.integers(first), random.integers(first, NUM_NODES)])
    graph = generators.table(weights)
    _, phi = second(graph)

    chi = limit(graph, np.where(in_first, 1.0, -1.0), labeled)

    volumes = weights.sum(axis=1)[in_first].sum(), weights.sum(axis=1)[~in_first].sum()
    assert 1 - abs(centered_cosine(graph, chi, phi)) < 1e-8
    assert abs(cosine(graph, chi, phi)) == pytest.approx(2 * np.sqrt(volumes[0] * volumes[1]) / sum(volumes), abs=1e-4)
    assert sign_agreement(phi, np.where(in_first, 1.0, -1.0), np.ones(NUM_NODES, bool)) == 1


def path(num_nodes):
    return generators.padded(np.eye(num_nodes, k=1) + np.eye(num_nodes, k=-1))


def cliques(first, second, bridge=1.0):
    """Two complete graphs and an edge between them."""
    weights = np.zeros((first + second, first + second))
    weights[:first, :first] = weights[first:, first:] = 1
    weights[0, first] = weights[first, 0] = bridge
    np.fill_diagonal(weights, 0)
    return generators.padded(weights)


# Labels by node; the centred cosine of chi and phi_2; of the nodes where chi is not 0, the share that agrees in sign.
COUNTEREXAMPLES = {
    "adjacent labels at one end of a path": (path(8), {0: 1, 1: -1}, 0.39, 0.625),
    "labels that alternate along a path": (path(8), {0: 1, 3: -1, 7: 1}, 0.15, 4 / 7),
    "two cliques, both labels in one": (cliques(4, 4), {1: 1, 2: -1}, 0.0, None),
}


@pytest.mark.parametrize("name", COUNTEREXAMPLES)
def test_the_limit_may_have_little_to_do_with_phi_2(name):
    """Claim L2, against the print."""
    weights, labels, cos, agreement = COUNTEREXAMPLES[name]
    labeled = generators.mask(labels)
    signs = np.zeros(NUM_NODES)
    signs[list(labels)] = list(labels.values())
    graph = generators.table(weights)
    _, phi = second(graph)

    chi = limit(graph, signs, labeled)

    assert abs(centered_cosine(graph, chi, phi)) == pytest.approx(cos, abs=0.005)
    assert cos < 0.5
    if agreement is not None:
        counted = (weights.sum(axis=1) > 0) & (np.abs(chi) > 1e-9)
        assert sign_agreement(chi, phi, counted) == pytest.approx(agreement)


def test_the_limit_is_phi_2_where_that_vanishes_off_the_labels():
    """Claim L2, its one exception: a path of three labelled at both ends."""
    graph = generators.table(path(3))
    labeled = generators.mask({0, 2})

    chi = limit(graph, np.where(np.arange(NUM_NODES) == 0, 1.0, -1.0), labeled)

    assert abs(cosine(graph, chi, second(graph)[1])) == pytest.approx(1, abs=ROUNDING)


@pytest.mark.parametrize("size", [20, pytest.param(36, marks=pytest.mark.slow)])
def test_opposite_labels_leave_a_constant_part_where_degrees_do_not_balance(size):
    """Claims L5 and L6, against the print: a small and a large clique, one label in each."""
    weights = cliques(4, size, bridge=1e-6)
    n = 4 + size
    labeled = np.isin(np.arange(n), [1, n - 1])
    signs = np.where(np.arange(n) < 4, 1.0, -1.0)
    graph = generators.table(weights)

    chi = limit(graph, signs, labeled)

    degrees = weights.sum(axis=1)
    constant_part = degrees @ np.where(labeled, signs, 0.0) / degrees.sum()
    _, phi = second(graph)
    raw = abs(float(cosine(graph, chi, phi)))
    assert constant_part == pytest.approx((3 - (size - 1)) / degrees.sum(), rel=1e-6)
    assert constant_part < -0.02
    assert raw == pytest.approx(2 * np.sqrt(12 * size * (size - 1)) / degrees.sum(), abs=1e-4)
    assert raw < (0.2 if size == 36 else 0.35)
    assert abs(centered_cosine(graph, chi, phi)) > 1 - 1e-8
