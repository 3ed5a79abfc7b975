"""Intervals over seeds and videos, Holm's correction, the best of n trials."""

import itertools
import math

import numpy as np
import pytest

from argf_np.experiments import statistics
from argf_np.experiments.statistics import (
    accuracy_interval,
    best_curve,
    comparisons_note,
    crossed_half_width,
    excluding_zero,
    expected_best,
    extrapolated_best,
    holm,
    mean_interval,
    mean_squares,
    normal_maximum,
    paired_difference,
    pseudo_values,
    scope,
    t_cdf,
    t_quantile,
)

S, V = 3, 5


@pytest.fixture
def videos():
    """Five videos of different lengths, 17 utterances, not in the order of their names."""
    return np.repeat([7, 2, 9, 4, 1], [4, 1, 6, 2, 4])


def answers(rng, videos, seeds=S):
    """Right or wrong of two models, (S, n) each."""
    return rng.random((2, seeds, len(videos))) < [[[0.8]], [[0.6]]]


# Student's t


@pytest.mark.parametrize(("df", "probability", "expected"), [  # from printed tables
    (1, 0.975, 12.7062), (2, 0.975, 4.3027), (4, 0.975, 2.7764), (9, 0.975, 2.2622),
    (30, 0.975, 2.0423), (10_000, 0.975, 1.9602), (1, 0.9995, 636.619), (2, 0.995, 9.9248),
    (3, 0.9995, 12.9240), (30, 0.995, 2.7500)])
def test_quantiles_of_students_t(df, probability, expected):
    assert t_quantile(df, probability) == pytest.approx(expected, rel=2e-5)
    assert t_cdf(t_quantile(df, probability), df) == pytest.approx(probability)


def test_cauchy_distribution_is_t_with_one_degree():
    for t in (0.0, 0.5, 3.0):
        assert t_cdf(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi)


# The interval over seeds


def test_mean_interval():
    mean, half = mean_interval([70, 72, 71, 75])
    error = math.sqrt((4 + 0 + 1 + 9) / 3) / math.sqrt(4)
    assert mean == 72
    assert half == pytest.approx(3.1824 * error, rel=1e-4)
    assert mean_interval([70, 72, 71, 75], 0.99)[1] == pytest.approx(5.8409 * error, rel=1e-4)
    assert mean_interval([5, 5, 5]) == (5, 0)
    mean, half = mean_interval([3.5])
    assert mean == 3.5
    assert math.isnan(half), "one seed has no interval"


# Pseudo-values and mean squares


def test_pseudo_values_are_v_means_less_v_minus_1_means_without_the_video(rng, videos):
    values = rng.standard_normal((S, len(videos)))
    table = pseudo_values(values, videos)
    assert table.shape == (S, V)
    for s in range(S):
        for v, name in enumerate(sorted(set(videos))):
            total = [values[s, u] for u in range(len(videos))]
            kept = [values[s, u] for u in range(len(videos)) if videos[u] != name]
            expected = V * sum(total) / len(total) - (V - 1) * sum(kept) / len(kept)
            assert table[s, v] == pytest.approx(expected)


def test_pseudo_values_of_videos_of_equal_length_are_their_means(rng):
    values = rng.standard_normal((S, V * 4))
    table = pseudo_values(values, np.repeat(range(V), 4))
    np.testing.assert_allclose(table, values.reshape(S, V, 4).mean(axis=2))


def test_mean_squares_are_sums_of_squares_over_degrees_of_freedom(rng):
    table = rng.standard_normal((S, V))
    mean = sum(table[s, v] for s in range(S) for v in range(V)) / (S * V)
    row = [sum(table[s, v] for v in range(V)) / V for s in range(S)]
    column = [sum(table[s, v] for s in range(S)) / S for v in range(V)]
    of_seeds = sum(V * (row[s] - mean) ** 2 for s in range(S)) / (S - 1)
    of_videos = sum(S * (column[v] - mean) ** 2 for v in range(V)) / (V - 1)
    rest = 0.0
    for s in range(S):
        for v in range(V):
            rest += (table[s, v] - row[s] - column[v] + mean) ** 2
    rest /= (S - 1) * (V - 1)
    assert mean_squares(table) == pytest.approx((of_seeds, of_videos, rest))


def test_mean_squares_have_their_expectations(rng):
    """Standard deviations 0.5 of seeds, 1 of videos and 2 of both: 5, 7 and 4 on average."""
    found = []
    for _ in range(4000):
        of_seed, of_video = 0.5 * rng.standard_normal((S, 1)), rng.standard_normal((1, V))
        found.append(mean_squares(of_seed + of_video + 2 * rng.standard_normal((S, V))))
    expected = V * 0.25 + 4, S * 1 + 4, 4
    error = np.std(found, axis=0) / math.sqrt(4000)
    assert np.all(np.abs(np.mean(found, axis=0) - expected) < 4 * error)


def test_half_width_by_hand():
    """Mean 3, rows 1.5 and 4.5, columns 2 and 4: the mean squares are 9, 4 and 1."""
    table = np.array([[1.0, 2], [3, 6]])
    assert mean_squares(table) == (9, 4, 1)
    expected = 12.7062 * math.sqrt((9 - 1) / 4 + 4 / 4)
    assert crossed_half_width(table) == pytest.approx(expected, rel=1e-5)


def test_half_width_takes_each_part_with_its_own_degrees_of_freedom(rng):
    table = rng.standard_normal((3, 31)) + 3 * rng.standard_normal((3, 1))
    of_seeds, of_videos, rest = mean_squares(table)
    assert of_seeds > rest
    expected = 4.3027 ** 2 * (of_seeds - rest) / 93 + 2.0423 ** 2 * of_videos / 93
    assert crossed_half_width(table) == pytest.approx(math.sqrt(expected), rel=1e-4)


def test_seeds_that_differ_less_than_chance_add_nothing():
    """Both rows have the mean 0, so only the columns count: 0 and 0 on average, or 2 and -2."""
    assert crossed_half_width(np.array([[1.0, -1], [-1, 1]])) == 0
    half = crossed_half_width(np.array([[3.0, -3], [1, -1]]))
    assert half == pytest.approx(12.7062 * math.sqrt(2 * (2 ** 2 + 2 ** 2) / 4), rel=1e-5)


# The intervals over seeds and videos


def test_accuracy_interval_lies_around_the_accuracy(rng, videos):
    correct, _ = answers(rng, videos)
    mean, low, high = accuracy_interval(correct, videos)
    assert mean == np.mean(correct)
    assert high - mean == pytest.approx(mean - low)
    assert high - mean == pytest.approx(crossed_half_width(pseudo_values(correct, videos)))
    _, low_99, high_99 = accuracy_interval(correct, videos, 0.99)
    assert low_99 < low < high < high_99


def test_intervals_stay_within_what_is_possible():
    """Two seeds that have everything right and everything wrong."""
    correct = np.repeat([[True], [False]], 6, axis=1)
    videos = np.arange(6)
    assert accuracy_interval(correct, videos) == (0.5, 0, 1)
    assert paired_difference(correct, np.ones_like(correct), videos) == (-0.5, -1, 1)


def test_without_differences_between_videos_it_is_students_t_over_seeds():
    """Of the four utterances of every video a seed has two right, or three, or two, or one."""
    correct = np.tile([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1], [0, 0, 1, 0]], 6) > 0
    mean, half = mean_interval(correct.mean(axis=1))
    expected = mean, mean - half, mean + half
    assert accuracy_interval(correct, np.repeat(range(6), 4)) == pytest.approx(expected)


def test_of_a_method_without_chance_it_is_students_t_over_videos(rng):
    """All seeds give the same answers, and videos have the same length."""
    once = rng.random((1, 6 * 4)) < 0.7
    mean, half = mean_interval(once.reshape(6, 4).mean(axis=1))
    found = accuracy_interval(np.repeat(once, 3, axis=0), np.repeat(range(6), 4))
    assert found == pytest.approx((mean, mean - half, mean + half))


def test_paired_difference_is_the_mean_difference_and_changes_its_sign(rng, videos):
    first, second = answers(rng, videos)
    difference, low, high = paired_difference(first, second, videos)
    assert difference == pytest.approx(first.mean() - second.mean())
    assert low < difference < high
    back = paired_difference(second, first, videos)
    assert back == pytest.approx((-difference, -high, -low))


def test_equal_models_differ_by_nothing(rng, videos):
    first, _ = answers(rng, videos)
    assert paired_difference(first, first, videos) == (0, 0, 0)


def test_where_nothing_varies_the_interval_has_no_width(videos):
    assert accuracy_interval(np.ones((S, len(videos)), bool), videos) == pytest.approx((1, 1, 1))


def test_order_of_seeds_and_utterances_and_names_of_videos_do_not_matter(rng, videos):
    first, second = answers(rng, videos)
    order = rng.permutation(len(videos))
    names = np.array([f"video {v}" for v in videos])
    found = paired_difference(first[::-1, order], second[::-1, order], names[order])
    assert found == pytest.approx(paired_difference(first, second, videos))


def test_what_both_have_right_or_wrong_cancels_out(rng, videos):
    """The difference of two methods depends only on where one of them alone is right."""
    first, second = answers(rng, videos)
    same = first == second
    flipped = paired_difference(first ^ same, second ^ same, videos)
    assert flipped == paired_difference(first, second, videos)


def test_utterances_of_a_video_are_not_independent(rng):
    """20 equal answers in each of 30 videos say no more than one answer in each."""
    first, second = answers(rng, np.arange(30))
    once = paired_difference(first, second, np.arange(30))
    repeated = (np.repeat(correct, 20, axis=1) for correct in (first, second))
    assert paired_difference(*repeated, np.repeat(np.arange(30), 20)) == pytest.approx(once)


@pytest.mark.parametrize(("seeds", "one_video", "reason"), [
    (1, False, "one seed"), (3, True, "one video"), (1, True, "one seed")])
def test_one_seed_or_one_video_has_no_interval_and_it_says_so(rng, videos, seeds, one_video,
                                                              reason):
    videos = np.zeros_like(videos) if one_video else videos
    correct, reference = answers(rng, videos, seeds)
    mean, low, high = accuracy_interval(correct, videos)
    assert mean == correct.mean()
    assert math.isnan(low)
    assert math.isnan(high)
    difference, low, high = paired_difference(correct, reference, videos)
    assert difference == pytest.approx(correct.mean() - reference.mean())
    assert math.isnan(low)
    assert math.isnan(high)
    assert scope(seeds, len(set(videos))).startswith(f"no interval, since {reason} ")
    assert excluding_zero({"a row": correct}, reference, videos) == []
    note = comparisons_note({"a": correct, "b": correct}, reference, videos)
    assert note.startswith(f"The differences have no interval, since {reason} ")


def test_scope_names_what_the_interval_holds_for():
    assert scope(10, 31) == "for other seeds and other test videos, from 10 seeds and 31 videos"


@pytest.mark.parametrize("ratio", [0, 0.3, 1, 10])
def test_half_width_covers_whatever_varies_most(rng, ratio):
    """Three seeds, normal effects, ratio = variance from seeds over variance from videos.

    The range is 93 to 97 %, and 4 standard errors of a share of 95 % for the simulation itself.
    """
    R, V = 1000, 31
    covered = 0
    for _ in range(R):
        of_seed = math.sqrt(ratio * 3) * rng.standard_normal((3, 1))
        of_video = math.sqrt(V) * rng.standard_normal((1, V))
        table = of_seed + of_video + math.sqrt(V / 2) * rng.standard_normal((3, V))
        covered += abs(table.mean()) <= crossed_half_width(table)
    margin = 4 * math.sqrt(0.95 * 0.05 / R)
    assert 0.93 - margin < covered / R < 0.97 + margin


# Many comparisons


@pytest.fixture
def table(rng):
    """Rows that are better than a reference by more and more: (rows, reference, videos)."""
    videos = np.repeat(np.arange(20), 15)
    score = rng.standard_normal(300) + 0.8
    differences = {"none": 0, "hardly": 0.05, "somewhat": 0.09, "clearly": 0.13, "likely": 0.09}
    noise = 0.4 * rng.standard_normal((6, 4, 300))
    rows = {label: score + more + noise[i] > 0
            for i, (label, more) in enumerate(differences.items())}
    return rows, score + noise[5] > 0, videos


def p_value(correct, reference, videos):
    """The error at which the interval ends at 0, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(25):
        middle = (low + high) / 2
        _, bottom, top = paired_difference(correct, reference, videos, 1 - middle)
        if bottom > 0 or top < 0:
            high = middle
        else:
            low = middle
    return high


def test_excluding_zero_and_holm_are_what_the_p_values_say(table):
    """Holm by the book: the i-th smallest of k p-values is compared with 0.05 / (k - i + 1)."""
    rows, reference, videos = table
    p = {label: p_value(correct, reference, videos) for label, correct in rows.items()}
    expected = []
    for i, label in enumerate(sorted(p, key=p.get)):
        if p[label] > 0.05 / (len(p) - i):
            break
        expected.append(label)
    single = [label for label in rows if p[label] <= 0.05]
    bonferroni = [label for label in rows if p[label] <= 0.05 / len(p)]
    assert len(bonferroni) < len(expected) < len(single) < len(p), "they decide differently"
    assert excluding_zero(*table) == single
    assert sorted(holm(*table)) == sorted(expected)


def test_note_counts_the_comparisons(table):
    rows, reference, videos = table
    note = comparisons_note(*table)
    assert note.startswith("This table makes 5 comparisons with its reference. If no row differed "
                           "from it, about 0.25 of the 5 intervals would exclude 0 by chance, ")
    assert "at least one does would be up to 25 %." in note
    found, settled = excluding_zero(*table), holm(*table)
    assert f" Intervals without 0: {len(found)} ({', '.join(found)}). " in note
    assert note.endswith(f" 5 %: {len(settled)} ({', '.join(settled)}).")
    same = {"a": reference, "b": reference}
    assert " Intervals without 0: 0. " in comparisons_note(same, reference, videos)
    assert comparisons_note({"only": rows["clearly"]}, reference, videos) == ""


def test_no_probability_of_the_note_is_above_1(videos):
    same = np.ones((2, len(videos)), bool)
    note = comparisons_note({str(row): same for row in range(30)}, same, videos)
    assert "about 1.5 of the 30 intervals" in note
    assert "at least one does would be up to 100 %." in note


# The best of n trials


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_expected_best_is_the_mean_over_all_draws(n):
    values = [3.0, 1.0, 4.0, 1.5, 9.0]
    every = [max(draw) for draw in itertools.product(values, repeat=n)]
    assert expected_best(values, n) == pytest.approx(sum(every) / len(every))


def test_expected_best_of_one_is_the_mean_and_of_very_many_the_best(rng):
    values = rng.standard_normal(12)
    assert expected_best(values, 1) == pytest.approx(values.mean())
    assert expected_best(values, 10_000) == pytest.approx(values.max())


def test_expected_best_of_several_searches_at_once(rng):
    values = rng.standard_normal((4, 12))
    expected = [expected_best(row, 5) for row in values]
    np.testing.assert_allclose(expected_best(values, 5), expected)


@pytest.mark.parametrize(("n", "expected"), [  # from printed tables of normal order statistics
    (1, 0), (2, 0.56419), (3, 0.84628), (10, 1.53875), (100, 2.50759), (1000, 3.24144)])
def test_expected_maximum_of_normal_numbers(n, expected):
    assert normal_maximum(n, 1e-12) == pytest.approx(expected, abs=2e-5)


def test_expected_maximum_above_the_median_by_integration_by_parts():
    """The integral of 2 x φ(x) Φ(x) from 0 on is φ(0) + 1 / (2 sqrt(π))."""
    expected = 1 / math.sqrt(2 * math.pi) + 1 / (2 * math.sqrt(math.pi))
    assert normal_maximum(2, 0.5) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("start", "density"), [(0.5, 0.39894), (0.8, 0.27996), (0.975, 0.05845)])
def test_mean_above_a_quantile_is_the_density_there(start, density):
    """Of a single normal number, the integral of x φ(x) from q on is φ(q); from printed tables."""
    assert normal_maximum(1, start) == pytest.approx(density, abs=2e-5)


def test_extrapolation_of_a_straight_normal_plot_is_that_normal():
    """Trials at Blom's positions of a normal with mean 70 and deviation 2."""
    N = 40
    normal = statistics.NormalDist(70, 2)
    values = np.array([normal.inv_cdf((i - 0.375) / (N + 0.25)) for i in range(1, N + 1)])
    assert extrapolated_best(values, 1000) == pytest.approx(70 + 2 * 3.24144, abs=1e-4)
    assert extrapolated_best(values, 1) == pytest.approx(70, abs=0.1)
    values[:5] -= 30
    assert extrapolated_best(values, 1000) == pytest.approx(70 + 2 * 3.24144, abs=1e-4), (
        "the worse half does not count")
    assert extrapolated_best(3 * values - 1, 99) == pytest.approx(
        3 * extrapolated_best(values, 99) - 1), "unit and origin do not matter"


def test_best_curve_marks_where_it_extrapolates(rng):
    values = 70 + 2 * rng.standard_normal(30)
    counts = [1, 3, 30, 31, 300]
    rows = best_curve(values, counts)
    assert [row["n"] for row in rows] == counts
    assert [row["extrapolated"] for row in rows] == [False, False, False, True, True]
    for row in rows:
        estimate = extrapolated_best if row["extrapolated"] else expected_best
        assert row["expected"] == pytest.approx(estimate(values, row["n"]))
        assert row["low"] < row["expected"] < row["high"]
    expected = [row["expected"] for row in rows]
    assert expected == sorted(expected)
    assert best_curve(values, counts) == rows, "its resamples are always the same"


@pytest.mark.parametrize("n", [1, 20, 100])
def test_band_reaches_from_the_lower_to_the_higher_of_two_bootstraps(rng, n):
    """Trials that crowd below a bound, so that the two bands lie apart. Other resamples."""
    values = -rng.exponential(size=30)
    ends = []
    for estimate in (expected_best, extrapolated_best):
        found = [estimate(rng.choice(values, 30), n) for _ in range(4000)]
        ends.append(np.quantile(found, [0.025, 0.975]))
    width = np.max(ends) - np.min(ends)
    row = best_curve(values, [n])[0]
    assert row["low"] == pytest.approx(np.min(ends), abs=0.1 * width)
    assert row["high"] == pytest.approx(np.max(ends), abs=0.1 * width)
    apart = np.max(np.abs(ends[0] - ends[1]))
    assert (apart > 0.3 * width) == (n > 1), "they lie apart where the tail counts"


def test_band_of_the_mean_trial_is_that_of_a_mean(rng):
    """For n = 1 and normal trials, about 1.96 standard errors to each side."""
    values = rng.standard_normal(200)
    row = best_curve(values, [1])[0]
    error = values.std() / math.sqrt(200)
    assert (row["high"] - row["low"]) / (2 * 1.96 * error) == pytest.approx(1, abs=0.15)
