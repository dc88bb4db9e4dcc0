import sys

import pytest
from scipy import stats

from foveate.errors import CallerError, ExtraMissing
from foveate.evals.stats.quantiles import check_share, normal_cdf, normal_point, student_point


@pytest.mark.parametrize("share", [0.001, 0.025, 0.5, 0.9, 0.975])
def test_agrees_with_scipy(share: float) -> None:
    assert normal_point(share) == pytest.approx(stats.norm.ppf(share), abs=1e-9)
    assert normal_cdf(normal_point(share)) == pytest.approx(share, abs=1e-12)
    assert student_point(share, 3.5) == pytest.approx(stats.t.ppf(share, 3.5), abs=1e-9)


@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, 95.0, float("nan")])
def test_a_share_lies_inside(value: float) -> None:
    with pytest.raises(CallerError, match="level must lie between 0 and 1"):
        check_share("level", value)


def test_scipy_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(ExtraMissing, match=r"foveate\[evals\]"):
        student_point(0.975, 10.0)
