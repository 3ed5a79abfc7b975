"""The simulation of coverage: its model, what it counts, what it writes."""

import csv
import math

import numpy as np
import pytest

import coverage_of_intervals as coverage
import coverage_picture
from coverage_of_intervals import SCENARIOS, Scenario

# Everything varies, runs collapse, and the two methods differ.
ALL = Scenario("all at once", 0.8, 0.5, 0.3, 0.4, 0.2, 0.5, 0.6, drop=0.7, lengths=(8, 6.0, 3.0))


def phi(z):
    """The distribution function of the standard normal."""
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def margin(share, number):
    """4 standard errors of a share that is found in a number of independent experiments."""
    return 4 * math.sqrt(share * (1 - share) / number)


# The model


def test_truths_are_normal_probabilities():
    """All variances add up to 1 + 0.16 + 0.09 + 0.04 + 0.25; one run in ten falls by 0.7."""
    deviation = math.sqrt(1.54)
    first = 0.9 * phi(0.8 / deviation) + 0.1 * phi(0.1 / deviation)
    assert coverage.truths(ALL) == pytest.approx((first, phi(0.5 / deviation)))


def test_answers_are_right_as_often_as_the_truths_say(rng):
    found = []
    for _ in range(1500):
        correct, reference, _, here = coverage.simulate(rng, ALL, 1)
        # a ratio of sums: weighted by the number of utterances
        found.append([correct.sum(), reference.sum(), here * correct.size, correct.size])
    sums = np.array(found)
    first, second = coverage.truths(ALL)
    for column, truth in ((0, first), (1, second), (2, first)):
        rest = sums[:, column] - truth * sums[:, 3]
        assert abs(rest.mean()) < 4 * rest.std() / math.sqrt(len(rest))


def test_accuracy_here_is_that_of_very_many_seeds(rng):
    correct, _, _, here = coverage.simulate(rng, ALL, 4000)
    of_seeds = correct.mean(axis=1)
    assert abs(of_seeds.mean() - here) < 4 * of_seeds.std() / math.sqrt(4000)


def test_videos_have_the_lengths_of_the_scenario(rng):
    videos = [coverage.simulate(rng, SCENARIOS[0], 1)[2] for _ in range(100)]
    lengths = np.concatenate([np.unique(of, return_counts=True)[1] for of in videos])
    assert len(lengths) == 100 * 31
    assert lengths.mean() == pytest.approx(24.3, rel=0.03)
    assert lengths.std() == pytest.approx(11.2, rel=0.06)
    assert lengths.min() >= 2


def test_methods_that_share_all_difficulty_and_have_no_noise_agree(rng):
    same = ALL._replace(reference=0.8, seed=0.0, seed_video=0.0, residual=1e-9, shared=1.0, drop=0)
    correct, reference, _, _ = coverage.simulate(rng, same, 3)
    np.testing.assert_array_equal(correct, reference)
    np.testing.assert_array_equal(correct[0], correct[2])


# The old intervals


def test_bootstrap_of_seeds_by_hand():
    """40 resamples: one has the mean 1, one has the mean 3, and the others have the mean 2."""
    draws = np.array([[2, 0]] + [[1, 1]] * 38 + [[0, 2]])
    low, high = coverage.bootstrap_of_seeds(np.array([1.0, 3.0]), draws)
    assert low == pytest.approx(1 + 0.975)  # at position 39 x 0.025 = 0.975 from 1 towards 2
    assert high == pytest.approx(3 - 0.975)


def test_bootstrap_of_both_counts_every_utterance_of_a_drawn_seed_and_video(rng):
    """A transcription with loops."""
    videos = np.repeat([5, 3, 8, 1], [3, 1, 4, 2])
    values = rng.standard_normal((3, 10))
    seeds = rng.multinomial(3, [1 / 3] * 3, 50)
    drawn = rng.multinomial(4, [1 / 4] * 4, 50)
    means = []
    for times_s, times_v in zip(seeds, drawn, strict=True):
        total = number = 0
        for s in range(3):
            for u in range(10):
                times = times_s[s] * times_v[sorted(set(videos)).index(videos[u])]
                total += times * values[s, u]
                number += times
        means.append(total / number)
    found = coverage.bootstrap_of_both(values, videos, seeds, drawn)
    assert found == pytest.approx(np.quantile(means, [0.025, 0.975]))


# The simulation


def test_summary_by_hand():
    """Truth 0.5: the old intervals cover it once in four times, the new ones three times."""
    found = np.array([[0.5, 0.4, 0.6, 0.3, 0.7], [0.5, 0.6, 0.8, 0.5, 0.9],
                      [0.5, 0.2, 0.4, 0.1, 0.5], [0.5, 0.6, 0.7, 0.6, 1.0]])
    assert coverage.summary(found) == pytest.approx(
        {"old": 25, "new": 75, "old width": 10, "new width": 20})


@pytest.fixture(scope="module")
def rows():
    """A small simulation: three seeds, where videos and where seeds differ most."""
    chosen = [scenario for scenario in SCENARIOS if scenario.words.endswith("differ most")]
    return coverage.simulation(300, (3,), chosen)


def test_new_intervals_cover_and_old_ones_do_not(rows):
    """300 experiments each; the margin is 4 standard errors of their share."""
    assert len(rows) == 2 * 3
    for row in rows:
        spare = 100 * margin(0.95, 300)
        assert 93 - spare < row["new"] < min(97 + spare, 100)
    of_seeds = [row["old"] for row in rows if row["interval"] == "seeds"]
    assert max(of_seeds) < 95 - 100 * margin(0.95, 300)
    assert min(row["old"] for row in rows) > 60, "it is too narrow, not off the mark"


def test_simulation_repeats_itself():
    again = [coverage.simulation(3, (3,), SCENARIOS[:1]) for _ in range(2)]
    assert again[0] == again[1]


def test_band_of_the_best_of_n_covers(monkeypatch):
    monkeypatch.setattr(coverage, "NUMBERS_OF_TRIALS", (50,))
    found = coverage.band_coverage(40)
    assert [row["n"] for row in found] == 3 * [2, 12, 50, 500]
    assert all(row["coverage"] > 100 * (0.85 - margin(0.85, 40)) for row in found)


# The report


def test_unseen_rate_is_the_one_that_stays_unseen_in_one_of_twenty_cases():
    for n_seeds in (3, 10):
        assert (1 - coverage.unseen_rate(n_seeds)) ** n_seeds == pytest.approx(0.05)


def test_verdict_leaves_out_collapses(rows):
    spoilt = rows[0] | {"scenario": "one run in ten collapses", "old": 1.0, "new": 2.0}
    expected = (f"{min(row['new'] for row in rows):.1f} to {max(row['new'] for row in rows):.1f} "
                "% of the experiments")
    assert expected in coverage.verdict([*rows, spoilt])


def test_picture_shows_every_number(rows):
    figure = coverage_picture.coverage(rows)
    panels = figure.axes
    assert [ax.get_title() for ax in panels] == [*coverage.QUANTITIES]
    for ax in panels:
        drawn = sorted(y for line in ax.lines for y in line.get_ydata())
        of_panel = [row for row in rows if row["interval"] == ax.get_title()]
        assert drawn == sorted(row[which] for row in of_panel for which in ("old", "new"))
        assert [text.get_text() for text in ax.get_xticklabels()] == ["3"]


def test_what_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "NUMBERS_OF_TRIALS", (20,))
    text = coverage.write(tmp_path, replications=2)
    assert text == (tmp_path / "coverage.md").read_text(encoding="utf-8")
    assert (tmp_path / "coverage.png").read_bytes().startswith(b"\x89PNG")
    with open(tmp_path / "coverage.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == len(SCENARIOS) * 4 * 3
    for line in lines:
        assert float(line["new"]) in (0, 50, 100)
        assert f"| {line['scenario']} | " in text
    first = [line for line in lines[:12] if line["interval"] == "seeds"]
    cells = " | ".join(f"{float(line['new']):.1f} ({float(line['old']):.1f})" for line in first)
    assert f"| {SCENARIOS[0].words} | {cells} |\n" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "coverage.csv", "coverage.md", "coverage.png"]
