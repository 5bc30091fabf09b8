"""Batches, pick by pick, against a rule that looks at everything anew before each."""

import dataclasses
import functools

import batch_oracles
import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pools
import pytest

from ddal_jax import affinity, diversity, label_mass, scores
from ddal_jax.diversity.redistribution import BatchRule
from ddal_jax.query import DIVERSITIES, QuerySettings, query
from ddal_jax.selection import lowest

NUM_POINTS, NUM_NEIGHBORS, NUM_CLASSES, NUM_STEPS, QUERY_SIZE = 60, 4, 3, 2, 8
KNN = pools.knn(pools.gaussian(NUM_POINTS, 2), NUM_NEIGHBORS)
GRAPHS = {"max": affinity(KNN), "none": affinity(KNN, symmetrize="none")}
WEIGHTS = {name: oracles.dense(graph) for name, graph in GRAPHS.items()}
CLASSES, FEW = pools.random_labels(NUM_POINTS, 4, NUM_CLASSES)
MANY = pools.random_labels(NUM_POINTS, 25, NUM_CLASSES, seed=1)[1]
EVERYONE = np.ones(NUM_POINTS, bool)
KEY = jax.random.key(0)
# Sums of T float32 means, under a square root where a term has one.
ROUNDING = 1e-5
# Two programs that most tests share.
GREEDY = {"num_rediffusions": QUERY_SIZE, "criterion": scores.root_reach_margin}
TURNS_OF_THREE = {"num_rediffusions": 3, "ties": "coverage"}


@functools.cache
def _program(**settings):
    ask = functools.partial(diversity.redistribute, query_size=QUERY_SIZE, num_steps=NUM_STEPS, **settings)
    return jax.jit(ask)


def redistribute(labeled, *, key=KEY, graph="max", eligible=EVERYONE, weight=1.0, outstanding=None, **settings):
    mass = label_mass(CLASSES, labeled, num_classes=NUM_CLASSES)
    masks = jnp.asarray(labeled), jnp.asarray(eligible)
    traced = {
        "pick_weight": jnp.float32(weight),
        "outstanding": None if outstanding is None else jnp.asarray(outstanding),
    }
    return jax.device_get(_program(**settings)(key, GRAPHS[graph], mass, *masks, **traced))


@functools.cache
def _rule_program(settings):
    ask = functools.partial(query, settings=settings, query_size=QUERY_SIZE, num_steps=NUM_STEPS)
    return jax.jit(ask)


def by_rule(labeled, *, key=KEY, graph="max", eligible=EVERYONE, outstanding=None, **settings):
    mass = label_mass(CLASSES, labeled, num_classes=NUM_CLASSES)
    ask = _rule_program(QuerySettings(**settings))
    masks = [None if mask is None else jnp.asarray(mask) for mask in (labeled, eligible, outstanding)]
    return jax.device_get(ask(key, GRAPHS[graph], mass, *masks)[0])


def start(labeled):
    return oracles.one_hot(CLASSES, labeled, NUM_CLASSES)


def diffused(matrix, labeled, num_steps=NUM_STEPS):
    return oracles.clamped_diffusion(matrix, start(labeled), labeled, num_steps)


def assert_greedy(picks, labeled, graph, criterion, *, with_term=True):
    """No pick could have been replaced by a better one when it was made."""
    matrix = oracles.transition(WEIGHTS[graph])
    mass, picked = diffused(matrix, labeled), np.zeros(NUM_POINTS, bool)
    for index, score, reached in zip(*picks, strict=True):
        values, unreached = batch_oracles.standing(
            matrix, mass, labeled, picked, criterion, num_steps=NUM_STEPS, with_term=with_term
        )
        open_ = ~labeled & ~picked
        assert open_[index]
        assert unreached[index] == (open_ & unreached).any()
        assert unreached[index] or values[index] <= values[open_].min() + ROUNDING
        assert abs(score - values[index]) <= ROUNDING
        assert reached == (mass[index].sum() > 0)
        picked[index] = True


@pytest.mark.parametrize(
    ("graph", "criterion"),
    [
        ("max", "root_reach_margin"),
        *(
            pytest.param(graph, criterion, marks=pytest.mark.slow)
            for graph, criterion in [("none", "root_reach_margin"), ("max", "min_abs"), ("none", "margin")]
        ),
    ],
)
@pytest.mark.parametrize("labeled", [FEW, MANY], ids=["few labels", "many labels"])
def test_one_pick_a_turn_is_the_greedy_rule_pick_by_pick(labeled, graph, criterion):
    picks = redistribute(labeled, graph=graph, num_rediffusions=QUERY_SIZE, criterion=getattr(scores, criterion))

    assert_greedy(picks, labeled, graph, criterion)
    assert (np.diff(picks.scores) >= -ROUNDING).all()


@pytest.mark.parametrize(
    ("num_rediffusions", "query_size", "sizes"),
    [
        (None, 5, [1] * 5),
        (None, 16, [1] * 16),
        (None, 20, [2] * 4 + [1] * 12),
        (None, 1000, [63] * 8 + [62] * 8),
        (1, 7, [7]),
        (3, 8, [3, 3, 2]),
        (8, 8, [1] * 8),
        (99, 8, [1] * 8),
    ],
)
def test_turns_share_a_batch_evenly_and_the_first_take_what_is_over(num_rediffusions, query_size, sizes):
    rule = BatchRule(criterion=scores.margin, pick_term=None, num_rediffusions=num_rediffusions, num_steps=1)

    assert rule.sizes_of_turns(query_size) == sizes


@pytest.mark.parametrize(
    ("graph", "num_rediffusions", "sizes"),
    [
        ("max", 3, [3, 3, 2]),
        *(
            pytest.param(graph, number, sizes, marks=pytest.mark.slow)
            for graph, number, sizes in [
                ("none", 3, [3, 3, 2]),
                ("max", 8, [1] * 8),
                ("max", 1, [8]),
                ("max", 9, [1] * 8),
            ]
        ),
    ],
)
@pytest.mark.parametrize("labeled", [FEW, MANY], ids=["few labels", "many labels"])
def test_ties_by_coverage_and_turns_of_several_are_as_by_hand(labeled, graph, num_rediffusions, sizes):
    picks = redistribute(labeled, graph=graph, num_rediffusions=num_rediffusions, ties="coverage")

    expected = batch_oracles.batch_by_coverage(
        WEIGHTS[graph], start(labeled), labeled, EVERYONE, "root_reach_margin", sizes, num_steps=NUM_STEPS
    )
    assert picks.indices.tolist() == expected


@pytest.mark.parametrize("labeled", [FEW, MANY], ids=["few labels", "many labels"])
def test_wide_coverage_counts_all_as_unreached_until_ten_are_known_or_picked(labeled):
    picks = redistribute(labeled, num_rediffusions=QUERY_SIZE, ties="wide_coverage")

    expected = batch_oracles.batch_by_coverage(
        WEIGHTS["max"], start(labeled), labeled, EVERYONE, "root_reach_margin", [1] * QUERY_SIZE,
        num_steps=NUM_STEPS, wide_until=10, wide_steps=128,
    )  # fmt: skip
    assert picks.indices.tolist() == expected
    assert FEW.sum() < 10 < FEW.sum() + QUERY_SIZE
    # What it asks may well be reached.
    np.testing.assert_array_equal(picks.reached, diffused(oracles.transition(WEIGHTS["max"]), labeled)[expected].any(1))


@pytest.mark.parametrize("labeled", [FEW, MANY], ids=["few labels", "many labels"])
def test_the_rule_of_coverage_only_settles_ties(labeled):
    picks = by_rule(labeled, diversity="coverage", criterion="margin", num_rediffusions=3)

    matrix = oracles.transition(WEIGHTS["max"])
    values = np.array([oracles.criterion("margin", row) for row in diffused(matrix, labeled)])
    # Whatever is unreached at first scores 0, and so does all that coverage orders.
    np.testing.assert_allclose(picks.scores, np.sort(values[~labeled])[:QUERY_SIZE], atol=ROUNDING)
    np.testing.assert_allclose(picks.scores, values[picks.indices], atol=ROUNDING)
    expected = batch_oracles.batch_by_coverage(
        WEIGHTS["max"], start(labeled), labeled, EVERYONE, "margin", [3, 3, 2], num_steps=NUM_STEPS, with_term=False
    )
    untied = _untied(matrix, labeled, expected)
    assert picks.indices.tolist()[:untied] == expected[:untied]


def _untied(matrix, labeled, picks):
    """How many picks are made before points without a label but near a pick tie, which lots settle."""
    picked, mass = np.zeros(NUM_POINTS, bool), diffused(matrix, labeled)
    for place, index in enumerate(picks):
        _, unreached = batch_oracles.standing(
            matrix, mass, labeled, picked, "margin", num_steps=NUM_STEPS, with_term=False
        )
        if mass[index].sum() == 0 and not unreached[index]:
            return place
        picked[index] = True
    return len(picks)


def test_coverage_ties_make_the_rule_of_coverage_of_none():
    base = BatchRule(criterion=scores.norm, pick_term=None, ties="coverage", num_steps=NUM_STEPS)

    assert DIVERSITIES["none"](base) == DIVERSITIES["coverage"](base)
    assert DIVERSITIES["none"](dataclasses.replace(base, ties="random")) is None
    assert DIVERSITIES["coverage"](dataclasses.replace(base, ties="random")) == DIVERSITIES["coverage"](base)
    assert DIVERSITIES["none"](dataclasses.replace(base, ties="wide_coverage")).ties == "wide_coverage"


def test_local_minima_are_one_turn_of_a_rule_that_counts_no_picks():
    picks = by_rule(MANY, diversity="local_minima", criterion="norm")

    mass = diffused(oracles.transition(WEIGHTS["max"]), MANY)
    values = np.array([oracles.criterion("norm", row) for row in mass])
    order = np.argsort(values)
    expected = batch_oracles.local_minima(WEIGHTS["max"], order[~MANY[order]], ~MANY, ~MANY, QUERY_SIZE)
    assert (mass.sum(axis=1) > 0).all()
    assert picks.indices.tolist() == expected


@pytest.mark.parametrize("criterion", ["min_abs", pytest.param("margin", marks=pytest.mark.slow)])
def test_none_takes_the_lowest_scores_at_once(criterion):
    picks = by_rule(FEW, diversity="none", criterion=criterion)

    values = scores.CRITERIA[criterion](jnp.asarray(diffused(oracles.transition(WEIGHTS["max"]), FEW), jnp.float32))
    expected = lowest(KEY, values, FEW, query_size=QUERY_SIZE)
    unreached = ~picks.reached
    np.testing.assert_array_equal(picks.indices[unreached], np.asarray(expected)[unreached])
    np.testing.assert_allclose(picks.scores, np.asarray(values)[expected], atol=ROUNDING)


def test_more_points_than_are_left_leaves_places_empty():
    eligible = np.zeros(NUM_POINTS, bool)
    eligible[np.flatnonzero(~FEW)[:5]] = True
    eligible |= FEW

    for settings in (TURNS_OF_THREE, GREEDY):
        picks = redistribute(FEW, eligible=eligible, **settings)

        assert set(picks.indices[:5].tolist()) == set(np.flatnonzero(eligible & ~FEW).tolist())
        assert picks.indices[5:].tolist() == [-1] * 3
        assert np.isnan(picks.scores[5:]).all()
        assert np.isfinite(picks.scores[:5]).all()
        assert not picks.reached[5:].any()


def test_points_that_may_not_be_asked_count_as_unreached_for_coverage():
    labeled = np.zeros(NUM_POINTS, bool)
    eligible = np.arange(NUM_POINTS) % 2 == 0

    picks = redistribute(labeled, eligible=eligible, **TURNS_OF_THREE)

    expected = batch_oracles.batch_by_coverage(
        WEIGHTS["max"], start(labeled), labeled, eligible, "root_reach_margin", [3, 3, 2], num_steps=NUM_STEPS
    )
    assert picks.indices.tolist() == expected


REFINE = {"num_refine_steps": 5, "num_rediffusions": QUERY_SIZE, "criterion": scores.margin}


def test_refining_starts_once_nothing_is_unreached_and_not_before():
    matrix = oracles.transition(WEIGHTS["max"])
    exploring = redistribute(FEW, **REFINE)
    refining = redistribute(MANY, **REFINE)

    for labeled, picks in ((FEW, exploring), (MANY, refining)):
        picked, refined = np.zeros(NUM_POINTS, bool), False
        for index, score in zip(picks.indices, picks.scores, strict=True):
            _, unreached = _standing(matrix, labeled, picked, NUM_STEPS)
            refined |= not unreached.any()
            values, _ = _standing(matrix, labeled, picked, 5 if refined else NUM_STEPS)
            assert abs(score - values[index]) <= ROUNDING
            assert not refined or score <= values[~labeled & ~picked].min() + ROUNDING
            picked[index] = True
        assert refined
    assert not exploring.reached[0]
    np.testing.assert_array_equal(refining.reached, True)


def _standing(matrix, labeled, picked, num_steps):
    mass = diffused(matrix, labeled, num_steps)
    return batch_oracles.standing(matrix, mass, labeled, picked, "margin", num_steps=num_steps)


@pytest.mark.parametrize("diversity_rule", ["none", pytest.param("local_minima", marks=pytest.mark.slow)])
def test_other_rules_refine_too(diversity_rule):
    few, many = (
        by_rule(labeled, diversity=diversity_rule, criterion="margin", num_refine_steps=5) for labeled in (FEW, MANY)
    )

    matrix = oracles.transition(WEIGHTS["max"])
    for labeled, picks, num_steps in ((FEW, few, NUM_STEPS), (MANY, many, 5)):
        values = np.array([oracles.criterion("margin", row) for row in diffused(matrix, labeled, num_steps)])
        np.testing.assert_allclose(picks.scores, values[picks.indices], atol=ROUNDING)
        assert picks.scores[0] <= values[~labeled].min() + ROUNDING


def test_a_heavier_pick_pushes_harder():
    free, usual, heavy = (redistribute(MANY, **GREEDY, weight=weight) for weight in (0.0, 1.0, 100.0))

    values = scores.root_reach_margin(jnp.asarray(diffused(oracles.transition(WEIGHTS["max"]), MANY), jnp.float32))
    np.testing.assert_allclose(free.scores, np.sort(values[~MANY])[:QUERY_SIZE], atol=ROUNDING)
    matrix = oracles.transition(WEIGHTS["max"])

    def crowding(picks):
        return sum(
            batch_oracles.pick_mass(matrix, np.arange(NUM_POINTS) == index, MANY, NUM_STEPS)[picks.indices].sum() - 1
            for index in picks.indices
        )

    assert crowding(heavy) < crowding(usual) < crowding(free)


@pytest.mark.parametrize("settings", [GREEDY, pytest.param(TURNS_OF_THREE, marks=pytest.mark.slow)])
def test_seeds_under_vmap_pick_what_they_pick_alone(settings):
    keys = jax.random.split(jax.random.key(0), 2)
    masks = jnp.asarray(np.stack([FEW, np.zeros(NUM_POINTS, bool)]))
    masses = jnp.stack([label_mass(CLASSES, mask, num_classes=NUM_CLASSES) for mask in masks])
    turns = functools.partial(diversity.redistribute, query_size=QUERY_SIZE, num_steps=NUM_STEPS, **settings)
    together = jax.jit(jax.vmap(turns, in_axes=(0, None, 0, 0, 0)))

    picks = together(keys, GRAPHS["max"], masses, masks, ~masks)

    for place, mask in enumerate(masks):
        alone = redistribute(np.asarray(mask), key=keys[place], **settings)
        np.testing.assert_array_equal(picks.indices[place], alone.indices)


def test_the_key_settles_what_ties_and_the_same_key_the_same():
    nothing = np.zeros(NUM_POINTS, bool)

    first, again, other = (redistribute(nothing, key=jax.random.key(seed), **GREEDY).indices for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_batch_begins_where_outstanding_points_left_off():
    whole = redistribute(FEW, **GREEDY)
    waited_for = np.isin(np.arange(NUM_POINTS), whole.indices[:3])

    rest = redistribute(FEW, outstanding=waited_for, **GREEDY)

    np.testing.assert_array_equal(rest.indices[:-3], whole.indices[3:])
    np.testing.assert_array_equal(rest.scores[:-3], whole.scores[3:])
    assert not waited_for[rest.indices].any()


def test_a_mask_of_no_outstanding_points_changes_nothing():
    for labeled in (FEW, MANY, ~EVERYONE):
        without, none = redistribute(labeled, **GREEDY), redistribute(labeled, outstanding=~EVERYONE, **GREEDY)

        jax.tree.map(np.testing.assert_array_equal, without, none)


def test_an_outstanding_point_whose_label_has_come_counts_as_labelled_alone():
    plain, told = redistribute(FEW, **GREEDY), redistribute(FEW, outstanding=FEW, **GREEDY)

    jax.tree.map(np.testing.assert_array_equal, plain, told)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"diversity": "coverage"}, {"diversity": "local_minima"}, {"ties": "coverage"}])
def test_every_rule_heeds_outstanding_points_and_none_takes_no_notice(settings):
    first = by_rule(FEW, **settings).indices
    waited_for = np.isin(np.arange(NUM_POINTS), first)

    second = by_rule(FEW, outstanding=waited_for, **settings).indices
    alone = by_rule(FEW, eligible=~waited_for, **settings).indices
    plain = by_rule(FEW, eligible=~waited_for, outstanding=waited_for, diversity="none").indices

    assert not waited_for[second].any()
    assert second.tolist() != alone.tolist()
    assert plain.tolist() == by_rule(FEW, eligible=~waited_for, diversity="none").indices.tolist()
