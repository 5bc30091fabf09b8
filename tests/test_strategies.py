"""Every strategy keeps the protocol: joining this list is how a strategy joins the family."""

import functools
import itertools
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddal_jax import strategies, suggest
from ddal_jax.pool_graph import GraphSettings
from ddal_jax.query import QuerySettings
from ddal_jax.selection import Query
from ddal_jax.strategies import (
    BADGE,
    Coreset,
    Diffusion,
    OptimalDesign,
    PoissonLaplace,
    Pool,
    QueryStrategy,
    Random,
    Scored,
    TypiClust,
)
from ddal_jax.strategies.scored import SCORES

NUM_POINTS, NUM_CLASSES, QUERY_SIZE = 40, 3, 6
LABELED = [3, 8, 21, 30]
GRAPH = GraphSettings(num_neighbors=4)


STRATEGIES = {
    "random": Random(),
    **{score: Scored(score=score) for score in SCORES},
    "coreset": Coreset(),
    "BADGE": BADGE(),
    "TypiClust": TypiClust(num_neighbors=5, max_num_clusters=8, num_kmeans_steps=3),
    "sigma-optimal": OptimalDesign(criterion="sigma", graph=GRAPH),
    "Poisson Laplace": PoissonLaplace(num_classes=NUM_CLASSES, graph=GRAPH),
    "diffusion": Diffusion(num_classes=NUM_CLASSES, graph=GRAPH),
    "diffusion as printed": Diffusion(
        num_classes=NUM_CLASSES,
        graph=GraphSettings(num_neighbors=4, symmetrize="none"),
        settings=QuerySettings(criterion="min_abs", diversity="none"),
    ),
}
QUICK_TO_COMPILE = {"margin", "coreset"}
ON_A_GRAPH = {name for name, strategy in STRATEGIES.items() if hasattr(strategy, "graph")}
each_strategy = pytest.mark.parametrize("name", STRATEGIES)


def _pool(seed: int = 0, labeled=LABELED) -> Pool:
    generator = np.random.default_rng(seed)
    mask = np.zeros(NUM_POINTS, bool)
    mask[list(labeled)] = True
    classes = generator.integers(0, NUM_CLASSES, NUM_POINTS)
    return Pool(
        features=jnp.asarray(generator.normal(size=(NUM_POINTS, 2)), jnp.float32),
        probs=jnp.asarray(generator.dirichlet(np.ones(NUM_CLASSES), NUM_POINTS), jnp.float32),
        mc_probs=jnp.asarray(generator.dirichlet(np.ones(NUM_CLASSES), (4, NUM_POINTS)), jnp.float32),
        labels=jnp.asarray(np.where(mask, classes, -1), jnp.int32),
        labeled=jnp.asarray(mask),
    )


def _alike(pool: Pool) -> Pool:
    """Gives all points the features and predictions of the first."""

    def repeat(part, axis):
        return jnp.broadcast_to(jax.lax.slice_in_dim(part, 0, 1, axis=axis), part.shape)

    return pool._replace(
        features=repeat(pool.features, 0), probs=repeat(pool.probs, 0), mc_probs=repeat(pool.mc_probs, 1)
    )


# Of one shape, so that a strategy is compiled once and asked about all of them together.
POOLS = {
    "some labels": _pool(),
    "no label": _pool(1, []),
    "all but one labelled": _pool(2, set(range(NUM_POINTS)) - {17}),
    "one label": _pool(3, [5]),
    "many copies of few rows": _pool(4)._replace(features=_pool(4).features[jnp.arange(NUM_POINTS) % 3]),
    "all rows identical": _alike(_pool(5)),
    "gradients all zero": _pool(6)._replace(probs=jnp.eye(NUM_CLASSES)[jnp.arange(NUM_POINTS) % NUM_CLASSES]),
    "features all zero": _pool(7)._replace(features=jnp.zeros((NUM_POINTS, 2))),
    "sorted by class, nothing known, all tied": _alike(_pool(8, [])),
}
NUM_KEYS = 2


def _only_required(strategy: QueryStrategy, pool: Pool) -> Pool:
    absent = {"features", "probs", "mc_probs"} - strategy.requires
    return pool._replace(**dict.fromkeys(absent))


def _answer(strategy: QueryStrategy, key, pool: Pool) -> Query:
    return strategy.query(key, strategy.prepare(key, pool), pool, query_size=QUERY_SIZE)


@functools.cache
def _ask_all(name: str) -> dict[str, list[Query]]:
    """Asks about every pool with every key in one call."""
    strategy = STRATEGIES[name]
    pools = [_only_required(strategy, pool) for pool in POOLS.values()]
    stacked = jax.tree.map(lambda *parts: jnp.stack([*parts] * NUM_KEYS), *pools)
    keys = jax.random.split(jax.random.key(0), NUM_KEYS * len(pools))
    answers = jax.tree.map(np.asarray, _compiled_for_all(strategy, keys, stacked))
    each = [Query(*parts) for parts in zip(*answers, strict=True)]
    return {of: each[place :: len(pools)] for place, of in enumerate(POOLS)}


@functools.partial(jax.jit, static_argnums=0)
def _compiled_for_all(strategy: QueryStrategy, keys, pools: Pool) -> Query:
    return jax.vmap(functools.partial(_answer, strategy))(keys, pools)


@each_strategy
def test_a_strategy_keeps_the_protocol(name):
    assert isinstance(STRATEGIES[name], QueryStrategy)


@pytest.mark.parametrize("of", POOLS)
@each_strategy
def test_a_query_holds_distinct_unlabelled_points_and_is_filled_as_far_as_they_reach(name, of):
    free = np.flatnonzero(~np.asarray(POOLS[of].labeled))
    found = min(QUERY_SIZE, len(free))

    for query in _ask_all(name)[of]:
        picked = query.indices.tolist()
        assert len(set(picked[:found])) == found
        assert set(picked[:found]) <= set(free.tolist())
        assert picked[found:] == [-1] * (QUERY_SIZE - found)
        assert np.isnan(query.scores[found:]).all()
        assert not np.isnan(query.scores[:found]).any()
        assert not query.reached[found:].any()


@each_strategy
def test_scores_ascend_in_the_order_picked(name):
    for query in itertools.chain.from_iterable(_ask_all(name).values()):
        in_order = query.scores[query.indices >= 0]
        assert (in_order[1:] >= in_order[:-1]).all()


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name not in ON_A_GRAPH])
def test_without_a_graph_every_point_found_counts_as_reached(name):
    for query in itertools.chain.from_iterable(_ask_all(name).values()):
        np.testing.assert_array_equal(query.reached, query.indices >= 0)


@each_strategy
def test_ties_are_drawn_by_the_key_and_not_taken_in_the_order_of_the_pool(name):
    first, second = (query.indices.tolist() for query in _ask_all(name)["sorted by class, nothing known, all tied"])

    assert first != second
    assert set(first) != set(range(QUERY_SIZE))
    assert set(second) != set(range(QUERY_SIZE))


@each_strategy
def test_the_same_key_asks_the_same_points_and_global_randomness_is_left_alone(name):
    before, before_numpy = random.getstate(), np.random.get_state()[1].copy()

    first = _ask_all.__wrapped__(name)
    second = _ask_all.__wrapped__(name)

    for of in POOLS:
        np.testing.assert_array_equal([q.indices for q in first[of]], [q.indices for q in second[of]])
    assert random.getstate() == before
    np.testing.assert_array_equal(np.random.get_state()[1], before_numpy)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in QUICK_TO_COMPILE else [pytest.mark.slow]) for name in STRATEGIES],
)
def test_seeds_under_vmap_ask_what_they_ask_alone(name):
    strategy = STRATEGIES[name]
    keys = jax.random.split(jax.random.key(0), NUM_KEYS * len(POOLS))
    ask = jax.jit(functools.partial(_answer, strategy))

    for key, (of, pool) in zip(keys[: len(POOLS)], POOLS.items(), strict=True):
        alone = ask(key, _only_required(strategy, pool))
        assert alone.indices.tolist() == _ask_all(name)[of][0].indices.tolist()


@each_strategy
def test_a_strategy_is_hashable_and_equal_to_its_copy(name):
    strategy = STRATEGIES[name]

    assert hash(strategy) == hash(type(strategy)(**vars(strategy)))
    assert strategy == type(strategy)(**vars(strategy))


def test_random_draws_every_point_alike():
    pool = POOLS["some labels"]
    keys = jax.random.split(jax.random.key(0), 2000)
    strategy = STRATEGIES["random"]
    draw = jax.jit(jax.vmap(lambda key: strategy.query(key, None, pool, query_size=QUERY_SIZE).indices))

    counts = np.bincount(np.asarray(draw(keys)).ravel(), minlength=NUM_POINTS)

    expected = 2000 * QUERY_SIZE / 36
    unlabelled = np.delete(counts, LABELED)
    # Five standard deviations of a binomial count; 36 counts.
    assert np.abs(unlabelled - expected).max() < 5 * np.sqrt(expected)


def test_diffusion_answers_what_suggest_answers():
    pool = POOLS["some labels"]
    ask = jax.jit(functools.partial(_answer, STRATEGIES["diffusion as printed"]))
    query = ask(jax.random.key(5), pool)

    suggestion = suggest(
        np.asarray(pool.features), np.asarray(pool.labels), query_size=QUERY_SIZE, num_classes=NUM_CLASSES, seed=5,
        num_neighbors=4, symmetrize="none", criterion="min_abs", diversity="none",
    )  # fmt: skip
    assert query.indices.tolist() == suggestion.indices.tolist()
    assert query.reached.tolist() == suggestion.reached.tolist()


def test_the_module_exports_the_protocol_and_every_strategy_of_the_list():
    assert strategies.QueryStrategy is QueryStrategy
    assert {type(strategy).__name__ for strategy in STRATEGIES.values()} == set(strategies.__all__) - {
        "Pool",
        "QueryStrategy",
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_neighbors": 0}, r"^num_neighbors must be at least 1; got 0"),
        ({"max_num_clusters": 0}, r"^max_num_clusters must be at least 1; got 0"),
        ({"min_cluster_size": 0}, r"^min_cluster_size must be at least 1; got 0"),
        ({"num_kmeans_steps": -1}, r"^num_kmeans_steps must be at least 0; got -1"),
    ],
)
def test_typiclust_refuses_settings_that_mean_nothing(settings, message):
    with pytest.raises(ValueError, match=message):
        TypiClust(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"graph": GraphSettings(symmetrize="none")}, r"^graph.symmetrize must give symmetric weights .*; got 'none'"),
        ({"tau": 0.0}, r"^tau must be a finite number above 0; got 0.0"),
        ({"tau_floor": 1.0}, r"^tau_floor must be at most tau = 0.001; got 1.0"),
        ({"num_clusters": 0}, r"^num_clusters must be at least 1; got 0"),
        ({"tolerance": 0.0}, r"^tolerance must be a finite number above 0; got 0.0"),
        ({"max_steps": 0}, r"^max_steps must be in \[1, 2147483647\]; got 0"),
    ],
)
def test_poisson_laplace_refuses_settings_that_mean_nothing(settings, message):
    with pytest.raises(ValueError, match=message):
        PoissonLaplace(num_classes=NUM_CLASSES, **settings)


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match="score must be one of 'margin', .*, 'bald'; got 'oracle'"):
        Scored(score="oracle")
