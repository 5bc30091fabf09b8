"""The statistics of the evaluation against enumeration, simulation and hand computation."""

import itertools

import numpy as np
import pytest
from made_records import noisy, records_of
from scipy import stats

from ddal_jax import evaluate
from ddal_jax.evaluate.ranks import cliques
from ddal_jax.evaluate.resampling import mean_interval
from ddal_jax.evaluate.significance import fewest_pairs_to_resolve, paired_t


def enumerated_signed_rank(differences):
    """Two-sided p over all sign patterns of the non-zero differences, ranks as Pratt has them."""
    ranks = stats.rankdata(np.abs(differences))[differences != 0]
    observed = ranks[differences[differences != 0] > 0].sum()
    sums = np.array([np.dot(ranks, signs) for signs in itertools.product((0, 1), repeat=len(ranks))])
    return min(1.0, 2 * min(np.mean(sums <= observed), np.mean(sums >= observed)))


@pytest.mark.parametrize("seed", range(5))
def test_signed_rank_without_ties_is_the_exact_one_of_scipy(seed):
    differences = np.random.default_rng(seed).normal(0.3, 1, 15)

    assert evaluate.signed_rank(differences) == pytest.approx(
        stats.wilcoxon(differences, method="exact").pvalue, rel=1e-12
    )


@pytest.mark.parametrize("seed", range(8))
def test_signed_rank_with_ties_and_zeros_is_exact(seed):
    differences = np.random.default_rng(seed).integers(-2, 5, 9) / 8

    assert evaluate.signed_rank(differences) == pytest.approx(enumerated_signed_rank(differences), rel=1e-12)


def test_signed_rank_parts_no_tie_by_rounding():
    differences = np.array([0.1 + 0.2, 0.3, -0.3, 0.0]) - np.array([0, 0, 0, 1e-17])

    assert evaluate.signed_rank(differences) == enumerated_signed_rank(np.array([0.3, 0.3, -0.3, 0.0]))


def test_signed_rank_of_many_pairs_joins_the_normal_approximation():
    differences = np.random.default_rng(0).normal(0.1, 1, 200)

    exact, normal = evaluate.signed_rank(differences), stats.wilcoxon(differences).pvalue
    beyond = evaluate.signed_rank(np.append(differences, 0.1))

    assert exact == pytest.approx(normal, rel=0.02)  # What the approximation is off by at 200 pairs.
    assert beyond == pytest.approx(normal, rel=0.1)


def test_holm_by_hand():
    adjusted = evaluate.holm(np.array([0.04, 0.01, 0.03, 0.6]))

    np.testing.assert_allclose(adjusted, [0.09, 0.04, 0.09, 0.6])


def test_holm_never_exceeds_one_and_keeps_the_order():
    raw = np.random.default_rng(0).uniform(size=20)

    adjusted = evaluate.holm(raw)

    assert adjusted.max() <= 1
    assert (np.diff(adjusted[np.argsort(raw)]) >= 0).all()
    assert (adjusted >= raw).all()


@pytest.mark.parametrize("num_tests", [1, 6, 66])
def test_fewest_pairs_are_those_whose_smallest_p_value_passes_holm(num_tests):
    fewest = fewest_pairs_to_resolve(num_tests)

    smallest = [evaluate.signed_rank(np.arange(1.0, 1 + count)) * num_tests for count in (fewest - 1, fewest)]
    assert smallest[0] >= 0.05 > smallest[1]


def test_paired_t_of_equal_differences_is_certain_or_nothing():
    assert paired_t(np.zeros(5)) == 1
    assert paired_t(np.full(5, 0.1) + np.array([0, 1e-17, 0, 0, 0])) == 0


def test_seeds_needed_finds_the_difference_in_simulation_and_one_seed_less_does_not():
    num_seeds = evaluate.seeds_needed(0.026, difference=0.01)
    drawn = np.random.default_rng(0).normal(0.01, 0.026, (20_000, num_seeds))

    power = np.mean(stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05)

    assert num_seeds == 56
    assert 0.795 < power < 0.82  # Standard error of 20,000 draws: 0.003; a whole seed adds up to 0.01.


@pytest.mark.parametrize(("spread", "difference"), [(0.01, 0.01), (0.05, 0.01), (0.002, 0.01), (0.3, 0.1)])
def test_seeds_needed_is_the_smallest_number_that_has_the_power(spread, difference):
    def power(count):
        bound = stats.t.ppf(0.975, count - 1)
        return 1 - stats.nct.cdf(bound, count - 1, difference / spread * count**0.5)  # The far tail is nothing here.

    found = evaluate.seeds_needed(spread, difference=difference)

    assert power(found) >= 0.8
    assert found == 2 or power(found - 1) < 0.8


def test_no_spread_needs_two_seeds():
    assert evaluate.seeds_needed(0.0) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"difference": 0.0}, "difference must be a finite number above 0"),
        ({"power": 1.0}, r"power must lie in \(0, 1\); got 1.0"),
        ({"alpha": 1.5}, r"alpha must lie in \(0, 1\); got 1.5"),
    ],
)
def test_seeds_needed_refuses(settings, message):
    with pytest.raises(ValueError, match=message):
        evaluate.seeds_needed(0.02, **settings)


@pytest.mark.parametrize(("num_seeds", "lowest"), [(6, 0.92), (20, 0.935)])
def test_intervals_cover_the_mean_about_as_often_as_they_say(num_seeds, lowest):
    values = np.random.default_rng(0).normal(size=(num_seeds, 2000))

    low, high = mean_interval(values, num_resamples=2000)

    # Standard error of 2000 intervals: 0.005; the plain percentile interval covers 0.88 for six seeds.
    assert lowest < np.mean((low <= 0) & (high >= 0)) < 0.965


def test_bands_hold_the_mean_and_follow_the_seed():
    own = evaluate.curves(records_of(noisy({"random": 0.0, "a": 0.02}, num_seeds=6), range(10, 70, 10)))["toy"]

    first, again, other = (evaluate.bands(own, num_resamples=500, seed=seed) for seed in (0, 0, 1))

    np.testing.assert_allclose(first.mean, own.values.mean(axis=1))
    assert (first.low < first.mean).all()
    assert (first.mean < first.high).all()
    np.testing.assert_array_equal(first.low, again.low)
    assert (first.low != other.low).any()


def test_bands_of_differences_are_paired():
    shared = np.random.default_rng(0).normal(0.7, 0.05, (6, 4))
    own = evaluate.curves(records_of({"random": shared, "a": shared + 0.01}, (1, 2, 3, 4)))["toy"]

    alone, paired = evaluate.bands(own), evaluate.bands(own, reference="random")

    np.testing.assert_allclose(paired.mean[1], 0.01, rtol=1e-9)
    assert (paired.high[1] - paired.low[1]).max() < 1e-12
    assert (alone.high[1] - alone.low[1]).min() > 0.01
    np.testing.assert_array_equal(paired.low[0], 0)


def test_bands_of_a_single_seed_are_nan():
    own = evaluate.curves(records_of({"a": [[0.5, 0.6, 0.7]]}))["toy"]

    assert np.isnan(evaluate.bands(own).low).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"confidence": 1.0}, r"confidence must lie in \(0, 1\); got 1.0"), ({"num_resamples": 0}, "at least 1; got 0")],
)
def test_bands_refuse(settings, message):
    own = evaluate.curves(records_of({"a": [[0.5, 0.6, 0.7]] * 2}))["toy"]

    with pytest.raises(ValueError, match=message):
        evaluate.bands(own, **settings)


def brute_penalty(tasks, names):
    """The matrix by loops over tasks, checkpoints and pairs; t by its formula."""
    matrix = np.zeros((len(names), len(names)))
    for curves in tasks:
        random = np.mean(curves["random"], axis=0)
        picked, step = [0], 1
        while step < len(random) and random[step] <= 0.99 * random[-1]:
            picked.append(step)
            step *= 2
        for checkpoint, (i, winner), (j, loser) in itertools.product(picked, enumerate(names), enumerate(names)):
            d = curves[winner][:, checkpoint] - curves[loser][:, checkpoint]
            if i != j and d.mean() > 0:
                t = d.mean() / (d.std(ddof=1) / len(d) ** 0.5)
                matrix[i, j] += (2 * stats.t.sf(t, len(d) - 1) < 0.05) / len(picked)
    return matrix


def test_pairwise_penalty_is_that_of_plain_loops():
    gains = {"random": 0.0, "a": 0.01, "b": 0.02}
    tasks = [noisy(gains, num_seeds=6, num_checkpoints=12, seed=seed) for seed in range(3)]
    records = [
        record
        for number, curves in enumerate(tasks)
        for record in records_of(curves, range(10, 130, 10), task=f"task {number}")
    ]

    found = evaluate.pairwise_penalty(records)

    expected = brute_penalty(tasks, list(gains))
    assert 0 < expected[2, 0] < 3
    np.testing.assert_allclose(found.matrix, expected, rtol=1e-12)
    np.testing.assert_allclose(found.penalties, expected.sum(axis=0) / 3, rtol=1e-12)


def test_penalty_checkpoints_double_and_end_before_random_is_near_its_last():
    rising = np.linspace(0.1, 0.9, 20)
    early = np.minimum(rising, rising[5])
    counts = range(100, 2100, 100)

    late_random = evaluate.pairwise_penalty(records_of({"random": [rising] * 2, "a": [rising] * 2}, counts))
    early_random = evaluate.pairwise_penalty(records_of({"random": [early] * 2, "a": [rising] * 2}, counts))
    no_random = evaluate.pairwise_penalty(records_of({"b": [early] * 2, "a": [rising] * 2}, counts))

    assert late_random.checkpoints == {"toy": [100, 200, 300, 500, 900, 1700]}
    assert early_random.checkpoints == {"toy": [100, 200, 300, 500]}
    assert no_random.checkpoints == {"toy": [100, 200, 300, 500, 900, 1700]}


def test_a_constant_difference_counts_as_won():
    found = evaluate.pairwise_penalty(records_of({"b": [[0.5, 0.6, 0.7]] * 3, "a": [[0.6, 0.7, 0.8]] * 3}))

    np.testing.assert_array_equal(found.matrix, [[0, 0], [1, 0]])
    np.testing.assert_array_equal(found.penalties, [0.5, 0])


@pytest.mark.parametrize(
    ("resolved", "groups"),
    [
        ([], [range(0, 4)]),
        ([(0, 3)], [range(0, 3), range(1, 4)]),
        ([(0, 1), (0, 2), (0, 3)], [range(1, 4)]),
        ([(0, 2), (0, 3), (1, 3)], [range(0, 2), range(1, 3), range(2, 4)]),
        ([(1, 2)], [range(0, 2), range(2, 4)]),
        (list(itertools.combinations(range(4), 2)), []),
    ],
)
def test_cliques_by_hand(resolved, groups):
    matrix = np.zeros((4, 4), bool)
    for i, j in resolved:
        matrix[i, j] = matrix[j, i] = True

    assert cliques(matrix) == groups


def test_ranking_of_clear_winners_over_many_tasks():
    areas = np.random.default_rng(0).normal([0.1, 0.9, 0.5, 0.5], 0.02, (12, 4))

    found = evaluate.ranking(areas, ["last", "first", "b", "c"])

    statistic, p_value = stats.friedmanchisquare(*areas.T)
    assert (found.friedman_statistic, found.friedman_p) == pytest.approx((statistic, p_value))
    assert (found.strategies[0], found.strategies[-1]) == ("first", "last")
    assert found.average_ranks[0] == 1
    assert found.average_ranks[3] == 4
    assert [set(group) for group in found.cliques] == [{"b", "c"}]


def test_without_friedman_all_strategies_are_one_group():
    areas = np.random.default_rng(1).normal(size=(5, 3))

    found = evaluate.ranking(areas, ["a", "b", "c"])

    assert found.friedman_p >= 0.05
    assert [set(group) for group in found.cliques] == [{"a", "b", "c"}]


def test_tied_areas_share_their_rank():
    areas = np.array([[0.3, 0.1 + 0.2, 0.5]] * 3)

    assert evaluate.ranking(areas, ["a", "b", "c"]).average_ranks == (1, 2.5, 2.5)


@pytest.mark.parametrize("shape", [(2, 5), (5, 2)])
def test_a_ranking_needs_three_tasks_and_three_strategies(shape):
    with pytest.raises(ValueError, match="at least 3 tasks and 3 strategies; got .* Seeds of one task are no tasks"):
        evaluate.ranking(np.zeros(shape), list("abcde")[: shape[1]])
