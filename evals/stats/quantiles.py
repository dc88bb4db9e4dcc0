"""Points and tails of the distributions that intervals are read off."""

import importlib
from statistics import NormalDist
from typing import Any

from foveate.errors import CallerError, ExtraMissing

__all__ = ["check_share", "normal_cdf", "normal_point", "student_point"]

_NORMAL = NormalDist()


def normal_point(share: float) -> float:
    """The z below which ``share`` of a standard normal lies."""
    return _NORMAL.inv_cdf(share)


def normal_cdf(z: float) -> float:
    """Share of a standard normal below ``z``."""
    return _NORMAL.cdf(z)


def student_point(share: float, degrees: float) -> float:
    """The t below which ``share`` of Student's distribution lies.

    Args:
        share: in (0, 1).
        degrees: of freedom; need not be whole.

    Raises:
        ExtraMissing: SciPy is not installed.
    """
    return float(_special().stdtrit(degrees, share))


def check_share(name: str, value: float) -> None:
    """Refuse what is no probability strictly between 0 and 1.

    Raises:
        CallerError: names the argument and its value.
    """
    if not 0.0 < value < 1.0:
        raise CallerError(f"{name} must lie between 0 and 1, both left out, found {value!r}")


def _special() -> Any:
    try:
        return importlib.import_module("scipy.special")
    except ImportError:
        raise ExtraMissing("scipy", "evals") from None
