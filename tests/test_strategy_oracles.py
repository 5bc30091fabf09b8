"""Each strategy against the plainest program for it, in float64 NumPy on a small pool."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from ddal_jax import scores
from ddal_jax.pool_graph import GraphSettings, pool_graph
from ddal_jax.query import QuerySettings
from ddal_jax.strategies import BADGE, Coreset, Diffusion, Pool, Scored, picking, predictions
from ddal_jax.strategies import badge as badge_module
from ddal_jax.strategies.scored import SCORES

NUM_POINTS, NUM_FEATURES, NUM_CLASSES, QUERY_SIZE = 30, 3, 3, 5
LABELED = [2, 9, 16, 25]
KEY = jax.random.key(0)


# Compiled whole: one by one, their operations would each compile.
def _pool(features=None, labeled=LABELED, seed=0) -> Pool:
    generator = np.random.default_rng(seed)
    mask = np.isin(np.arange(NUM_POINTS), labeled)
    drawn = generator.normal(size=(NUM_POINTS, NUM_FEATURES))
    classes = generator.integers(0, NUM_CLASSES, NUM_POINTS)
    return Pool(
        features=jnp.asarray(drawn if features is None else features, jnp.float32),
        probs=jnp.asarray(generator.dirichlet(np.ones(NUM_CLASSES), NUM_POINTS), jnp.float32),
        mc_probs=jnp.asarray(generator.dirichlet(np.ones(NUM_CLASSES), (4, NUM_POINTS)), jnp.float32),
        labels=jnp.asarray(np.where(mask, classes, -1), jnp.int32),
        labeled=jnp.asarray(mask),
    )


@functools.partial(jax.jit, static_argnums=0)
def _ask(strategy, key, pool: Pool):
    return strategy.query(key, strategy.prepare(key, pool), pool, query_size=QUERY_SIZE)


def _entropy(probs):
    return -np.sum(probs * np.log(probs), axis=-1)


def _bald(passes):
    return _entropy(passes.mean(axis=0)) - _entropy(passes).mean(axis=0)


SCORED = {
    "margin": lambda p, mc: np.sort(p)[:, -1] - np.sort(p)[:, -2],
    "uncertainty": lambda p, mc: p.max(axis=1),
    "entropy": lambda p, mc: -_entropy(p),
    "bayes_uncertainty": lambda p, mc: mc.mean(axis=0).max(axis=1),
    "bayes_entropy": lambda p, mc: -_entropy(mc.mean(axis=0)),
    "bald": lambda p, mc: -_bald(mc),
}


@pytest.mark.parametrize("name", SCORES)
def test_what_is_scored_point_by_point_is_asked_lowest_first(name):
    pool = _pool()

    query = _ask(Scored(score=name), KEY, pool)

    expected = SCORED[name](np.asarray(pool.probs, np.float64), np.asarray(pool.mc_probs, np.float64))
    order = np.argsort(np.where(pool.labeled, np.inf, expected))[:QUERY_SIZE]
    assert query.indices.tolist() == order.tolist()
    np.testing.assert_allclose(query.scores, expected[order], atol=1e-6)  # float32 sums of a dozen terms below 1


def test_mutual_information_is_exactly_zero_where_all_passes_agree():
    one_pass = np.random.default_rng(0).dirichlet(np.ones(NUM_CLASSES), NUM_POINTS)
    passes = jnp.asarray(np.broadcast_to(one_pass, (7, *one_pass.shape)), jnp.float32)

    np.testing.assert_array_equal(jax.jit(predictions.mutual_information)(passes), 0.0)


def test_mutual_information_survives_probabilities_of_zero_and_next_to_it():
    passes = np.array([[[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], [[1e-30, 1.0, 0.0]], [[0.5, 0.5, 0.0]]])

    got = jax.jit(predictions.mutual_information)(jnp.asarray(passes, jnp.float32))

    mean = passes.mean(axis=0)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(passes[:, 0] > 0, passes[:, 0] * np.log(passes[:, 0] / mean), 0.0)
    np.testing.assert_allclose(got, [terms.sum(axis=1).mean()], rtol=1e-6)


def _k_centre_greedy(features, labeled, num_picks):
    covered, picks, distances = labeled.copy(), [], []
    for _ in range(num_picks):
        apart = np.linalg.norm(features[:, None] - features[None, covered], axis=2).min(axis=1)
        picks.append(int(np.where(covered, -1.0, apart).argmax()))
        distances.append(apart[picks[-1]])
        covered[picks[-1]] = True
    return picks, distances


def test_coreset_asks_the_farthest_point_again_and_again():
    pool = _pool()

    query = _ask(Coreset(), KEY, pool)

    picks, distances = _k_centre_greedy(np.asarray(pool.features, float), np.array(pool.labeled), QUERY_SIZE)
    assert query.indices.tolist() == picks
    np.testing.assert_allclose(query.scores, -np.array(distances), rtol=1e-6)


def test_coreset_on_inputs_asks_what_it_asks_on_the_same_features():
    pool = _pool()
    images = jnp.asarray(np.asarray(pool.features)[:, :, None])
    elsewhere = pool._replace(inputs=images, features=jnp.zeros_like(pool.features))

    query = _ask(Coreset(space="inputs"), KEY, elsewhere)

    assert query.indices.tolist() == _ask(Coreset(), KEY, pool).indices.tolist()
    assert Coreset(space="inputs").requires == {"inputs"}
    with pytest.raises(ValueError, match="space must be one of 'features', 'inputs'; got 'labels'"):
        Coreset(space="labels")


def test_coreset_without_labels_draws_the_first_and_asks_on_from_there():
    pool = _pool(labeled=[])

    queries = [_ask(Coreset(), jax.random.key(seed), pool) for seed in range(3)]

    for query in queries:
        first = np.arange(NUM_POINTS) == int(query.indices[0])
        picks, _ = _k_centre_greedy(np.asarray(pool.features, float), first, QUERY_SIZE - 1)
        assert query.indices[1:].tolist() == picks
        assert query.scores[0] == -np.inf
    assert len({int(query.indices[0]) for query in queries}) > 1


def test_coreset_asks_copies_of_a_label_last_however_far_from_the_origin():
    features = np.full((NUM_POINTS, NUM_FEATURES), 1000.1)
    features[[4, 11, 20]] += [[1e-3, 0, 0], [0, 2e-3, 0], [0, 0, 4e-3]]
    pool = _pool(features, labeled=[0])

    query = _ask(Coreset(), KEY, pool)

    assert query.indices[:3].tolist() == [20, 11, 4]
    assert query.scores[3:].tolist() == [0.0, 0.0]


def test_coreset_sees_labels_that_came_after_the_network_was_trained():
    early, late = _pool(labeled=LABELED[:2]), _pool()
    strategy = Coreset()

    @jax.jit
    def ask_late(early, late):
        return strategy.query(KEY, strategy.prepare(KEY, early), late, query_size=QUERY_SIZE)

    assert ask_late(early, late).indices.tolist() == _ask(strategy, KEY, late).indices.tolist()


def _gradients(pool):
    probs, features = np.asarray(pool.probs, float), np.asarray(pool.features, float)
    residuals = probs - np.eye(NUM_CLASSES)[probs.argmax(axis=1)]
    return (residuals[:, :, None] * features[:, None, :]).reshape(NUM_POINTS, -1)


def test_badge_starts_with_the_largest_gradient():
    pool = _pool()

    query = _ask(BADGE(), KEY, pool)

    norms = np.where(pool.labeled, -1.0, np.linalg.norm(_gradients(pool), axis=1))
    assert int(query.indices[0]) == norms.argmax()
    assert query.scores.tolist() == [0, 1, 2, 3, 4]


def test_distances_between_factored_gradients_are_those_of_the_whole():
    pool = _pool()
    factors = BADGE().prepare(KEY, pool)

    got = jax.jit(jax.vmap(badge_module.sq_gradient_distances, in_axes=(None, 0)))(factors, jnp.arange(NUM_POINTS))

    whole = _gradients(pool)
    expected = ((whole[:, None] - whole[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(np.diagonal(got), 0.0)
    # Some twenty roundings of terms no larger than the largest gradient.
    np.testing.assert_allclose(got, expected, atol=20 * 2.0**-24 * (whole**2).sum(axis=1).max() * 4)


def test_badge_draws_by_squared_distance_to_the_nearest_pick():
    free = [1, 4, 12, 19, 28]
    pool = _pool(labeled=sorted(set(range(NUM_POINTS)) - set(free)))
    strategy, num_draws = BADGE(), 20_000
    prepared = strategy.prepare(KEY, pool)

    @jax.jit
    @jax.vmap
    def ask(key):
        return strategy.query(key, prepared, pool, query_size=3).indices

    drawn = np.asarray(ask(jax.random.split(KEY, num_draws)))

    whole = _gradients(pool)
    first = free[int(np.linalg.norm(whole[free], axis=1).argmax())]
    assert (drawn[:, 0] == first).all()
    apart = {i: {j: ((whole[i] - whole[j]) ** 2).sum() for j in free} for i in free}
    for second in set(free) - {first}:
        chance = apart[second][first] / sum(apart[j][first] for j in free)
        for third in set(free) - {first, second}:
            nearest = {j: min(apart[j][first], apart[j][second]) for j in free}
            both = chance * nearest[third] / sum(nearest.values())
            count = np.sum((drawn[:, 1] == second) & (drawn[:, 2] == third))
            # Five standard deviations of a binomial count; twelve counts.
            assert abs(count - num_draws * both) < 5 * np.sqrt(num_draws * both)


def test_a_draw_by_rate_never_takes_a_rate_of_zero_while_another_is_positive():
    rates = jnp.asarray([0.0, 3.0, jnp.nan, 1.0, jnp.inf, 0.0])
    eligible = jnp.asarray([True, False, True, True, True, True])

    @jax.jit
    @jax.vmap
    def draw(key):
        lots_key, clocks_key = jax.random.split(key)
        lots, clocks = picking.draw_lots(lots_key, 6), picking.start_clocks(clocks_key, 6)
        among_some, _ = picking.draw_by_rate(clocks, rates, eligible, lots)
        among_zeros, _ = picking.draw_by_rate(clocks, jnp.zeros(6), eligible, lots)
        among_none, _ = picking.draw_by_rate(clocks, rates, jnp.zeros(6, bool), lots)
        return among_some, among_zeros, among_none

    among_some, among_zeros, among_none = draw(jax.random.split(KEY, 2000))

    assert set(among_some.tolist()) == {3}
    counts = np.bincount(among_zeros, minlength=6)
    assert counts[1] == 0
    assert np.abs(np.delete(counts, 1) - 400).max() < 5 * np.sqrt(400)  # five standard deviations
    assert set(among_none.tolist()) == {-1}


def _criterion(name, row):
    chi = row - (row.sum() - row)
    known = {"norm_1": lambda: np.abs(chi).sum(), "norm_infinity": lambda: np.abs(chi).max()}
    return known.get(name, lambda: oracles.criterion(name, row))()


@functools.cache
def _graph(settings):
    return pool_graph(_pool().features, settings)


@functools.cache
def _diffused_by_hand():
    pool = _pool()
    neighbors, sq_distances = oracles.nearest_neighbors(pool.features, 4)
    matrix = oracles.transition(oracles.affinity(neighbors, sq_distances, "max"))
    labeled = np.asarray(pool.labeled)
    start = oracles.one_hot(np.asarray(pool.labels), labeled, NUM_CLASSES)
    return oracles.clamped_diffusion(matrix, start, labeled, 3)


# Each compiles a query of its own.
_QUICK = ("min_abs", "margin", "norm_infinity")


@pytest.mark.parametrize(
    "criterion", [pytest.param(name, marks=[] if name in _QUICK else [pytest.mark.slow]) for name in scores.CRITERIA]
)
def test_diffusion_asks_the_lowest_by_each_criterion(criterion):
    pool = _pool()
    strategy = Diffusion(
        num_classes=NUM_CLASSES,
        graph=GraphSettings(num_neighbors=4, num_steps=3),
        settings=QuerySettings(criterion=criterion, diversity="none"),
    )

    query = strategy.query(KEY, _graph(strategy.graph), pool, query_size=QUERY_SIZE)

    mass = _diffused_by_hand()
    expected = np.array([_criterion(criterion, row) for row in mass])
    lowest = np.sort(expected[~np.asarray(pool.labeled)])[:QUERY_SIZE]
    # A few float32 steps; entropy multiplies by a logarithm, the 1-norm adds classes.
    np.testing.assert_allclose(query.scores, lowest, atol=1e-5)
    np.testing.assert_allclose(expected[query.indices], lowest, atol=1e-5)
    np.testing.assert_array_equal(query.reached, mass[query.indices].sum(axis=1) > 0)
