import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from foveate.errors import CallerError
from foveate.evals.stats import benjamini_hochberg, family_note, holm

families = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


def test_holm_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 = 0.02, 0.03, 0.06, 0.04; the last is raised to 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.9]) == (1.0, 1.0)


def test_benjamini_hochberg_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 2, 4/3, 1 are all 0.04.
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.02]) == pytest.approx((0.04, 0.04, 0.04, 0.04))
    assert benjamini_hochberg([0.001, 0.5]) == pytest.approx((0.002, 0.5))


@given(families)
def test_benjamini_hochberg_agrees_with_scipy(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values, method="bh"))


@given(families, st.randoms(use_true_random=False))
def test_properties(p_values: list[float], random: object) -> None:
    raised, shared = holm(p_values), benjamini_hochberg(p_values)
    order = np.argsort(p_values, kind="stable")
    for adjusted in (raised, shared):
        assert all(p <= q + 1e-15 <= 1.0 + 1e-12 for p, q in zip(p_values, adjusted, strict=True))
        assert (np.diff(np.array(adjusted)[order]) >= 0.0).all()
    assert all(q <= r + 1e-12 for q, r in zip(shared, raised, strict=True))
    assert holm(p_values[::-1]) == raised[::-1]


def test_what_was_not_tested_does_not_count() -> None:
    nan = float("nan")
    for adjust in (holm, benjamini_hochberg):
        with_gap, without = adjust([0.01, nan, 0.03]), adjust([0.01, 0.03])
        assert np.isnan(with_gap[1]) and (with_gap[0], with_gap[2]) == without
        assert adjust([]) == ()
        assert np.isnan(adjust([nan])).all()


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_a_p_value_lies_between_0_and_1(adjust: object) -> None:
    with pytest.raises(CallerError, match=r"1\.5"):
        adjust([0.1, 1.5])  # type: ignore[operator]


def test_holm_bounds_false_findings() -> None:
    rng = np.random.default_rng(0)
    families_with_one = [min(holm(row)) < 0.05 for row in rng.random((2_000, 10)).tolist()]
    plain = [min(row) < 0.05 for row in rng.random((2_000, 10)).tolist()]
    assert 0.03 < np.mean(families_with_one) < 0.065
    assert np.mean(plain) > 0.35  # what it is for: 1 - 0.95^10 = 0.40


def test_note() -> None:
    assert family_note(12) == ("12 comparisons; by chance alone 0.6 would fall below 0.05; p-values are Holm-adjusted.")
    assert family_note(3, level=0.99, method="benjamini-hochberg") == (
        "3 comparisons; by chance alone 0.03 would fall below 0.01; p-values are Benjamini-Hochberg-adjusted."
    )
    assert family_note(1) == "One comparison; p-values need no adjustment."
    assert family_note(0) == "No comparisons; p-values need no adjustment."
    with pytest.raises(CallerError, match="benjamini-hochberg, holm"):
        family_note(2, method="bonferroni")  # type: ignore[arg-type]
    with pytest.raises(CallerError, match="level"):
        family_note(2, level=1.0)
