"""Intervals and paired comparisons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.evaluation.statistics import (
    Interval,
    Paired,
    Values,
    combined_interval,
    corrected,
    paired,
    paired_combined,
    percentile_interval,
    share_interval,
)


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


def with_p(p: float, *, shown: bool = True) -> Paired:
    """A comparison with this p-value, whose interval lies above 0 or not."""
    return Paired(20, 0.3, Interval(0.1 if shown else -0.1, 0.5, "given"), p)


def test_p_values_are_corrected_by_hand() -> None:
    """Benjamini and Hochberg: p x m / rank, never above that of the next larger one."""
    found = corrected({name: with_p(p) for name, p in (("a", 0.01), ("b", 0.04), ("c", 0.03), ("d", 0.5))})
    # ranks: a 1, c 2, b 3, d 4 of m = 4: 0.04, 0.06, 0.0533…, 0.5; c may not be above b
    assert {name: one.corrected_p for name, one in found.items()} == {
        "a": pytest.approx(0.01 * 4 / 1),
        "b": pytest.approx(0.04 * 4 / 3),
        "c": pytest.approx(0.04 * 4 / 3),
        "d": pytest.approx(0.5),
    }
    assert [name for name, one in found.items() if one.is_shown] == ["a"]
    assert list(found) == ["a", "b", "c", "d"]


def test_comparisons_in_which_nothing_differs_are_not_counted_among_them() -> None:
    """A hundred metrics that cannot differ do not hide the one that does."""
    same = paired([1.0] * 20, [1.0] * 20)
    assert same is not None
    found = corrected({"a": with_p(0.04)} | {f"same{n}": same for n in range(100)})
    assert found["a"].corrected_p == pytest.approx(0.04)
    assert found["same0"] == same
    assert corrected({}) == {}
    assert corrected({"same": same}) == {"same": same}


@pytest.mark.parametrize(
    ("p_value", "corrected_p", "interval_shows", "is_shown"),
    [(0.01, None, True, True), (0.01, 0.04, True, True), (0.01, 0.06, True, False), (0.01, 0.04, False, False), (0.06, None, True, False)],
)
def test_a_difference_is_shown_by_interval_and_p_value_together(
    p_value: float, corrected_p: float | None, interval_shows: bool, is_shown: bool
) -> None:
    """Neither alone is enough, and where there is a corrected p-value it is the one that counts."""
    found = replace(with_p(p_value, shown=interval_shows), corrected_p=corrected_p)
    assert found.is_shown is is_shown
    assert str(found).startswith("no difference shown (") is not is_shown


def test_the_corrected_p_value_is_told() -> None:
    """Beside the raw one."""
    assert str(replace(with_p(0.0001), corrected_p=0.0004)).endswith("n = 20, p < 0.001, corrected < 0.001")
    assert str(replace(with_p(0.01), corrected_p=0.04)).endswith("n = 20, p = 0.010, corrected 0.040")


def ratio(values: Values, aux: Values) -> float:
    """A figure that is no average."""
    return float(values.sum() / aux.sum())


def test_a_figure_that_is_no_average_is_bootstrapped_over_questions() -> None:
    """30 over 60 is one half, the same interval each time; with values and what stands beside them drawn together."""
    values, aux = np.array([1.0, 0.0] * 30), np.ones(60)
    found = combined_interval(values, aux, ratio)
    assert found == combined_interval(values, aux, ratio)
    assert 0.3 < found.low < 0.5 < found.high < 0.7
    tied = combined_interval(values, values + 1e-9, ratio)  # each question's own share is 1 or nothing: so is every resample's
    assert [tied.low, tied.high] == pytest.approx([1.0, 1.0], abs=1e-6)


def test_of_one_question_nothing_is_known() -> None:
    """A bootstrap of one value would be certain of it."""
    assert combined_interval(np.array([1.0]), np.array([1.0]), ratio) == Interval(0.0, 1.0, "nothing known")


def test_figures_that_are_no_averages_are_compared_question_by_question() -> None:
    """40 questions whose values all fell from 1 to 0: the ratio fell by 1, which no exchange of sides explains."""
    ones, nothing = np.ones(40), np.zeros(40)
    found = paired_combined((ones, ones), (nothing, ones), ratio)
    assert (found.n, found.difference, found.identical) == (40, -1.0, False)
    assert found.interval.high < 0
    assert found.p_value < 0.01
    assert found.is_shown


def test_the_same_columns_are_the_same() -> None:
    """Nothing differs, p = 1."""
    columns = (np.array([1.0, 0.0, 1.0]), np.ones(3))
    found = paired_combined(columns, columns, ratio)
    assert (found.identical, found.p_value, found.difference) == (True, 1.0, 0.0)
    assert str(found) == "the same on all 3"
