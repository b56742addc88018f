"""Intervals and paired comparisons."""

from __future__ import annotations

import pytest

from service.evaluation.statistics import Interval, paired, percentile_interval, share_interval


def test_equal_shares_get_an_exact_interval() -> None:
    """35 of 35 is Clopper and Pearson's [0.900, 1], not certainty."""
    found = share_interval([1.0] * 35)
    assert found is not None
    assert [found.low, found.high] == pytest.approx([0.025 ** (1 / 35), 1.0])
    assert found.method == "Clopper-Pearson"
    none = share_interval([0.0] * 35)
    assert none is not None
    assert [none.low, none.high] == pytest.approx([0.0, 1 - 0.025 ** (1 / 35)])


def test_one_question_says_next_to_nothing() -> None:
    """From one right answer the share may be almost anything."""
    found = share_interval([1.0])
    assert found is not None
    assert [found.low, found.high] == pytest.approx([0.025, 1.0])


def test_equal_fractions_stay_inside_zero_and_one() -> None:
    """Ten halves: what was never seen comes at most in 0.308 of cases, on either side."""
    found = share_interval([0.5] * 10)
    assert found is not None
    rate = 1 - 0.025**0.1
    assert [found.low, found.high] == pytest.approx([0.5 * (1 - rate), 0.5 * (1 - rate) + rate])


def test_a_mixed_sample_is_bootstrapped_the_same_each_time() -> None:
    """The interval holds the mean, lies inside 0 and 1, and has a fixed seed."""
    sample = [1.0] * 30 + [0.0] * 20
    found = share_interval(sample)
    assert found is not None
    assert found == share_interval(sample)
    assert 0.40 < found.low < 0.60 < found.high < 0.80
    assert found.method == "BCa bootstrap"


@pytest.mark.parametrize("sample", [[1.0, 0.0], [1.0] * 99 + [0.0], [0.5, 0.5, 1.0]])
def test_small_and_lopsided_samples_have_finite_intervals(sample: list[float]) -> None:
    """No sample makes the interval fall over or miss the mean."""
    found = share_interval(sample)
    assert found is not None
    assert 0.0 <= found.low <= sum(sample) / len(sample) <= found.high <= 1.0


def test_nothing_has_no_interval() -> None:
    """No values, no interval; one time says nothing of a percentile, equal ones say one thing."""
    assert share_interval([]) is None
    assert percentile_interval([], 50) is None
    assert percentile_interval([20.0], 50) is None
    assert percentile_interval([20.0, 20.0], 50) == Interval(20.0, 20.0, "constant")


def test_the_interval_of_a_median_holds_it() -> None:
    """Times 0 to 100: the median 50 lies inside, well away from both ends."""
    found = percentile_interval([float(n) for n in range(101)], 50)
    assert found is not None
    assert 25 < found.low < 50 < found.high < 75


def test_a_clear_difference_is_shown() -> None:
    """30 questions all lost: the difference is -1 and its interval ends below 0."""
    found = paired([1.0] * 30, [0.0] * 30)
    assert found is not None
    assert (found.n, found.difference, found.is_shown) == (30, -1.0, True)
    assert found.interval.high < -0.7
    assert found.p_value < 0.001


def test_a_difference_of_one_question_is_not_shown() -> None:
    """One question lost out of one proves nothing, and the words say so."""
    found = paired([1.0], [0.0])
    assert found is not None
    assert not found.is_shown
    assert str(found).startswith("no difference shown (-1.000 [")


def test_gains_and_losses_that_balance_are_not_shown() -> None:
    """Five won and five lost is no difference, with p = 1."""
    found = paired([0.0, 1.0] * 5, [1.0, 0.0] * 5)
    assert found is not None
    assert (found.difference, found.is_shown, found.p_value) == (0.0, False, 1.0)


def test_equal_runs_are_the_same_and_say_so() -> None:
    """Nothing differs: the interval is the rule of three around 0."""
    found = paired([1.0, 0.0, 1.0], [1.0, 0.0, 1.0])
    assert found is not None
    assert str(found) == "the same on all 3"
    assert found.interval.high == -found.interval.low == pytest.approx(1 - 0.025 ** (1 / 3))


def test_the_p_value_of_a_small_case_is_exact() -> None:
    """Four questions all won: 2 of the 16 ways to flip signs are as extreme, p = 1/8."""
    found = paired([0.0] * 4, [1.0] * 4)
    assert found is not None
    assert found.p_value == pytest.approx(2 / 16)


def test_pairs_must_match() -> None:
    """No pairs give nothing; unequal lists are a mistake of the caller."""
    assert paired([], []) is None
    with pytest.raises(ValueError, match="2 scores cannot be paired with 1"):
        paired([1.0, 0.0], [1.0])
