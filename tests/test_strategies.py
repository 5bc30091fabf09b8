"""Every strategy keeps the protocol: joining this list is how a strategy joins the family."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddal_jax import strategies
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.strategies import Diffusion, Margin, Pool, Random

NUM_POINTS, NUM_CLASSES, QUERY_SIZE = 40, 3, 6
STRATEGIES = {
    "random": Random(),
    "margin": Margin(),
    "diffusion": Diffusion(num_classes=NUM_CLASSES, graph=GraphSettings(num_neighbors=4)),
    "diffusion as printed": Diffusion(
        num_classes=NUM_CLASSES,
        graph=GraphSettings(num_neighbors=4, symmetrize="none"),
        settings=QuerySettings(criterion="min_abs"),
    ),
}


@pytest.fixture
def pool() -> Pool:
    random = np.random.default_rng(0)
    labeled = np.zeros(NUM_POINTS, bool)
    labeled[[3, 8, 21, 30]] = True
    labels = np.where(labeled, random.integers(0, NUM_CLASSES, NUM_POINTS), -1)
    return Pool(
        features=jnp.asarray(random.normal(size=(NUM_POINTS, 2)), jnp.float32),
        probs=jnp.asarray(random.dirichlet(np.ones(NUM_CLASSES), NUM_POINTS), jnp.float32),
        mc_probs=None,
        labels=jnp.asarray(labels, jnp.int32),
        labeled=jnp.asarray(labeled),
    )


def _only_required(strategy, pool: Pool) -> Pool:
    absent = {"features", "probs", "mc_probs"} - strategy.requires
    return pool._replace(**dict.fromkeys(absent))


def _ask(strategy, key, pool: Pool, query_size: int = QUERY_SIZE):
    pool = _only_required(strategy, pool)
    return strategy.query(key, strategy.prepare(key, pool), pool, query_size=query_size)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_query_holds_distinct_unlabelled_points(name, pool):
    query = _ask(STRATEGIES[name], jax.random.key(0), pool)

    picked = query.indices.tolist()
    assert len(set(picked)) == QUERY_SIZE
    assert not set(picked) & {3, 8, 21, 30}
    assert min(picked) >= 0


@pytest.mark.parametrize("name", STRATEGIES)
def test_scores_ascend_in_the_order_picked(name, pool):
    query = _ask(STRATEGIES[name], jax.random.key(0), pool)

    assert np.all(np.diff(query.scores) >= 0)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_same_key_asks_the_same_points(name, pool):
    first, second = (_ask(STRATEGIES[name], jax.random.key(7), pool) for _ in range(2))

    assert first.indices.tolist() == second.indices.tolist()


@pytest.mark.parametrize("name", STRATEGIES)
def test_places_that_cannot_be_filled_hold_minus_one_at_the_end(name, pool):
    pool = pool._replace(labeled=jnp.arange(NUM_POINTS) >= 4, labels=jnp.where(jnp.arange(NUM_POINTS) >= 4, 1, -1))

    query = _ask(STRATEGIES[name], jax.random.key(0), pool)

    assert sorted(query.indices[:4].tolist()) == [0, 1, 2, 3]
    assert query.indices[4:].tolist() == [-1, -1]
    assert np.isnan(query.scores[4:]).all()
    assert not query.reached[4:].any()


@pytest.mark.parametrize("name", STRATEGIES)
def test_seeds_under_vmap_ask_what_they_ask_alone(name, pool):
    strategy = STRATEGIES[name]
    keys = jax.random.split(jax.random.key(0), 3)

    together = jax.jit(jax.vmap(lambda key: _ask(strategy, key, pool).indices))(keys)

    alone = [_ask(strategy, key, pool).indices.tolist() for key in keys]
    assert together.tolist() == alone


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_hashable_and_equal_to_its_copy(name):
    strategy = STRATEGIES[name]

    assert hash(strategy) == hash(type(strategy)(**vars(strategy)))
    assert strategy == type(strategy)(**vars(strategy))


def test_random_draws_every_point_alike(pool):
    keys = jax.random.split(jax.random.key(0), 2000)
    draw = jax.jit(jax.vmap(lambda key: _ask(STRATEGIES["random"], key, pool).indices))

    counts = np.bincount(np.asarray(draw(keys)).ravel(), minlength=NUM_POINTS)

    expected = 2000 * QUERY_SIZE / 36
    unlabelled = np.delete(counts, [3, 8, 21, 30])
    # Five standard deviations of a binomial count; 36 counts.
    assert np.abs(unlabelled - expected).max() < 5 * np.sqrt(expected)


def test_margin_asks_the_smallest_gap_between_the_two_likeliest_classes(pool):
    query = _ask(STRATEGIES["margin"], jax.random.key(0), pool)

    ordered = np.sort(np.asarray(pool.probs), axis=1)
    gap = np.where(np.asarray(pool.labeled), np.inf, ordered[:, -1] - ordered[:, -2])
    assert query.indices.tolist() == np.argsort(gap)[:QUERY_SIZE].tolist()


def test_diffusion_answers_what_suggest_answers(pool):
    from ddal_jax import suggest

    query = _ask(STRATEGIES["diffusion as printed"], jax.random.key(5), pool)

    suggestion = suggest(
        np.asarray(pool.features), np.asarray(pool.labels), query_size=QUERY_SIZE, num_classes=NUM_CLASSES, seed=5,
        num_neighbors=4, symmetrize="none", criterion="min_abs",
    )  # fmt: skip
    assert query.indices.tolist() == suggestion.indices.tolist()
    assert query.reached.tolist() == suggestion.reached.tolist()


def test_the_module_exports_the_protocol():
    assert strategies.QueryStrategy is not None
