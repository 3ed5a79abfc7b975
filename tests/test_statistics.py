"""Intervals of the tables: Student's t, the bootstrap of paired differences, the modality gap."""

import math

import numpy as np
import pytest

from argf_np.experiments import statistics
from argf_np.experiments.runs import modality_gap
from argf_np.experiments.statistics import mean_interval, paired_difference, t_cdf, t_quantile


@pytest.mark.parametrize(("df", "expected"), [  # from printed tables
    (1, 12.7062), (2, 4.3027), (4, 2.7764), (9, 2.2622), (30, 2.0423), (10_000, 1.9602)])
def test_quantiles_of_students_t(df, expected):
    assert t_quantile(df) == pytest.approx(expected, abs=5e-5)
    assert t_cdf(t_quantile(df, 0.9), df) == pytest.approx(0.9)


def test_cauchy_distribution_is_t_with_one_degree():
    for t in (0.0, 0.5, 3.0):
        assert t_cdf(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi)


def test_mean_interval():
    mean, half = mean_interval([70, 72, 71, 75])
    deviation = math.sqrt((4 + 0 + 1 + 9) / 3)
    assert mean == 72
    assert half == pytest.approx(3.1824 * deviation / math.sqrt(4), rel=1e-4)
    assert mean_interval([5, 5, 5]) == (5, 0)
    mean, half = mean_interval([3.5])
    assert mean == 3.5
    assert math.isnan(half), "one seed has no interval"


def answers(rng, seeds=5, videos=11, most=7):
    """Right or wrong of two models, (seeds, n), and the video of each utterance."""
    video = np.repeat(np.arange(videos), rng.integers(1, most, videos))
    return rng.random((2, seeds, len(video))) < [[[0.8]], [[0.6]]], video


def test_paired_difference_is_the_mean_difference_and_turns_its_sign(rng):
    (first, second), video = answers(rng)
    difference, low, high = paired_difference(first, second, video)
    assert difference == pytest.approx(first.mean() - second.mean())
    assert low < difference < high
    back = paired_difference(second, first, video)
    assert back == pytest.approx((-difference, -high, -low))
    assert paired_difference(first, second, video) == (difference, low, high), "its resamples are always the same"


def test_equal_models_differ_by_nothing(rng):
    (first, _), video = answers(rng)
    assert paired_difference(first, first, video) == (0, 0, 0)


def test_order_of_utterances_and_names_of_videos_do_not_matter(rng):
    (first, second), video = answers(rng)
    order = rng.permutation(len(video))
    shuffled = paired_difference(first[:, order], second[:, order], video[order] + 100)
    assert shuffled == pytest.approx(paired_difference(first, second, video))


def test_resamples_are_drawn_as_the_docstring_says(rng, monkeypatch):
    """A transcription with loops: seeds and videos are drawn, and every utterance of a drawn pair counts."""
    monkeypatch.setattr(statistics, "RESAMPLES", 2000)
    (first, second), video = answers(rng, seeds=3, videos=6)
    _, low, high = paired_difference(first, second, video)
    means = []
    for _ in range(2000):
        videos = rng.integers(6, size=6)
        means.append(np.mean([float(first[s, u]) - float(second[s, u])
                              for s in rng.integers(3, size=3) for v in videos for u in np.flatnonzero(video == v)]))
    assert [low, high] == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.02)


def test_utterances_of_a_video_are_not_independent(rng):
    """20 equal answers in each of 30 videos say no more than one: the interval is sqrt(20) wider than of 600 videos."""
    first, second = (np.repeat(rng.random((1, 30)) < share, 20, axis=1) for share in (0.7, 0.5))
    _, low, high = paired_difference(first, second, np.repeat(np.arange(30), 20))
    _, low_1, high_1 = paired_difference(first, second, np.arange(600))
    assert (high - low) / (high_1 - low_1) == pytest.approx(math.sqrt(20), rel=0.1)


def test_seeds_are_resampled_too(rng):
    """All the difference is in one of two seeds: a resample may hold it twice or not at all."""
    second = rng.random((2, 600)) < 0.5
    first = second.copy()
    first[0] = True
    difference, low, high = paired_difference(first, second, np.arange(600))
    assert low == 0
    assert high > 1.8 * difference


def test_interval_covers_the_truth(rng, monkeypatch):
    """Two models equally good on average, with effects of seed and of video: about 95 % of the intervals hold 0."""
    monkeypatch.setattr(statistics, "RESAMPLES", 500)
    covered, trials = 0, 200
    video = np.repeat(np.arange(40), 5)
    for _ in range(trials):
        effect = 0.05 * rng.standard_normal((10, 1)) + 0.15 * rng.standard_normal(40)[video]
        first = rng.random((10, 200)) < 0.6 + effect
        second = rng.random((10, 200)) < 0.6
        _, low, high = paired_difference(first, second, video)
        covered += low <= 0 <= high
    assert 0.88 < covered / trials <= 1


def test_modality_gap_of_clouds_far_apart(rng):
    centres = np.array([[9.0, 0, 0, 0], [0, 9, 0, 0], [0, 0, 9, 0]])[:, None]
    train, test = (centres + rng.standard_normal((3, n, 4)) for n in (50, 40))
    probe, distance = modality_gap(train, test)
    assert probe == 1
    centres = test.mean(axis=1)
    apart = np.mean([np.linalg.norm(centres[0] - centres[1]), np.linalg.norm(centres[0] - centres[2]),
                     np.linalg.norm(centres[1] - centres[2])])
    within = np.mean([np.linalg.norm(test[m, i] - centres[m]) for m in range(3) for i in range(40)])
    assert distance == pytest.approx(apart / within)
    moved = modality_gap(7 * train + 3, 7 * test + 3)
    assert moved == pytest.approx((probe, distance)), "scale and origin do not count"


def test_modality_gap_of_one_cloud_is_at_chance(rng):
    train, test = (rng.standard_normal((3, n, 2)) for n in (3000, 2000))
    probe, distance = modality_gap(train, test)
    assert probe == pytest.approx(1 / 3, abs=0.03)
    assert distance < 0.1


def test_modality_gap_probe_learns_from_training_utterances(rng):
    """Clouds that change places between training and test are told apart wrongly."""
    train = np.array([[5.0, 0], [0, 5]])[:, None] + rng.standard_normal((2, 60, 2))
    assert modality_gap(train, train[::-1])[0] == 0
