"""How many samples it takes to see a difference, and what a number of samples can show.

Normal approximation of the paired comparison (Cohen, 1988; Miller, "Adding Error Bars to Evals", 2024): the standard
error of a mean difference is the differences' standard deviation times the root of design effect over samples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foveate.errors import CallerError
from foveate.evals.metrics.metric import Columns
from foveate.evals.stats.clusters import clustered, differences
from foveate.evals.stats.intervals import known
from foveate.evals.stats.means import spread_of
from foveate.evals.stats.quantiles import check_share, normal_cdf, normal_point

__all__ = ["Plan", "design_effect", "detectable", "needed", "plan", "power_of"]

_POINT = 0.01


def needed(
    difference: float,
    sd_of_differences: float,
    *,
    design_effect: float = 1.0,
    power: float = 0.8,
    level: float = 0.95,
) -> int:
    """Samples with which a true difference is found with probability ``power``; at least 2.

    Args:
        difference: to see; its sign does not matter.
        sd_of_differences: standard deviation over samples of one run's score less the other's.
        design_effect: clustered over naive variance of the mean difference.
        power: chance to find it.
        level: of confidence; a two-sided test at 1 - level.

    Raises:
        CallerError: a difference of 0, a spread or design effect not above 0, a share outside (0, 1).
    """
    _check(sd_of_differences, design_effect, level)
    check_share("power", power)
    if difference == 0.0 or not math.isfinite(difference):
        raise CallerError(f"difference must be finite and not 0, found {difference!r}")
    reach = normal_point((1.0 + level) / 2.0) + normal_point(power)
    samples = design_effect * (max(0.0, reach) * sd_of_differences / difference) ** 2
    # Rounding of an exact whole number must not cost a sample more.
    return max(2, math.ceil(samples - 1e-9))


def detectable(
    n: int, sd_of_differences: float, *, design_effect: float = 1.0, power: float = 0.8, level: float = 0.95
) -> float:
    """Smallest true difference that ``n`` samples find with probability ``power``, in the unit of the spread.

    Raises:
        CallerError: no sample, a spread or design effect not above 0, a share outside (0, 1).
    """
    check_share("power", power)
    reach = normal_point((1.0 + level) / 2.0) + normal_point(power)
    return max(0.0, reach) * _error(n, sd_of_differences, design_effect, level)


def power_of(
    difference: float, n: int, sd_of_differences: float, *, design_effect: float = 1.0, level: float = 0.95
) -> float:
    """Chance that ``n`` samples find a true difference, either tail of the two-sided test counted.

    Raises:
        CallerError: no sample, a spread or design effect not above 0, ``level`` outside (0, 1).
    """
    shift = abs(difference) / _error(n, sd_of_differences, design_effect, level)
    z = normal_point((1.0 + level) / 2.0)
    return normal_cdf(shift - z) + normal_cdf(-shift - z)


def design_effect(columns: Columns, groups: Sequence[str]) -> float:
    """Clustered over naive variance of the mean of the first column (Kish, 1965); below 1 where clusters balance.

    Args:
        columns: (n, c); rows with a NaN are left out.
        groups: (n) media of each sample; an empty string stands alone.

    Returns:
        1 when every scored sample stands alone; NaN with fewer than two clusters or equal scores.

    Raises:
        CallerError: shapes that do not fit.
    """
    clusters = clustered(columns, groups)
    if len(clusters.sizes) < 2:
        return float("nan")
    spread = spread_of(clusters)
    if spread.variance <= 0.0:
        return float("nan")
    return spread.error**2 * (spread.n - 1) / spread.variance


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """An answer to "how many samples to see this difference?"."""

    difference: float
    """To see."""
    samples: int | None
    """That it takes; None where the scores do not say."""
    have: int
    """Scored samples at hand."""
    detectable: float
    """Smallest difference that those find; NaN where the scores do not say."""
    sd: float
    """Standard deviation of the differences, measured or assumed."""
    design_effect: float
    power: float
    level: float
    assumed: str
    """What was not measured; empty when all was."""
    sentence: str
    """The same for people."""

    def to_dict(self) -> dict[str, Any]:
        """JSON form; NaN becomes None."""
        return {
            "difference": self.difference,
            "samples": self.samples,
            "have": self.have,
            "detectable": known(self.detectable),
            "sd": known(self.sd),
            "design_effect": known(self.design_effect),
            "power": self.power,
            "level": self.level,
            "assumed": self.assumed,
            "sentence": self.sentence,
        }


def plan(
    a: Columns,
    b: Columns | None = None,
    groups: Sequence[str] = (),
    *,
    difference: float = 0.02,
    power: float = 0.8,
    level: float = 0.95,
    correlation: float = 0.0,
) -> Plan:
    """Samples it takes to see a difference of a mean, from two paired runs or from one.

    With one run, another with the same spread is imagined whose scores correlate with it by ``correlation``: the
    variance of the differences is then twice the scores' times 1 - correlation. 0 is the worst case for runs that do
    not err oppositely; two systems that share parts lie nearer 0.5.

    Args:
        a: (n, c) scores of a run in the first column.
        b: (n, c) of a second run on the same samples.
        groups: (n) media of each sample; an empty string stands alone. Nothing: all stand alone.
        difference: to see: 0.02 is 2 points.
        power: chance to see it.
        level: of confidence.
        correlation: of the two runs' scores; read only without ``b``.

    Raises:
        CallerError: shapes that do not fit, a difference of 0, ``correlation`` outside [-1, 1), a share outside (0, 1).
    """
    if not -1.0 <= correlation < 1.0:
        raise CallerError(f"correlation must lie in [-1, 1), found {correlation!r}")
    names = groups or [""] * len(a)
    scores = a if b is None else differences(a, b)
    values = clustered(scores, names).columns[:, 0]
    sd, effect = _sd(values), design_effect(scores, names)
    if b is None:
        sd *= math.sqrt(2.0 * (1.0 - correlation))
    unknown = math.isnan(effect) or not sd > 0.0 or not effect > 0.0
    # A design effect that happens to be under 1 is taken for luck: a plan on it would be too small.
    effect = max(1.0, effect)
    samples = needed(difference, 1.0 if unknown else sd, design_effect=effect, power=power, level=level)
    smallest = float("nan") if unknown else detectable(len(values), sd, design_effect=effect, power=power, level=level)
    assumed = "" if b is not None else _assumed(correlation)
    sentence = _sentence(difference, None if unknown else samples, len(values), smallest, power, level)
    return Plan(
        difference=difference,
        samples=None if unknown else samples,
        have=len(values),
        detectable=smallest,
        sd=sd,
        design_effect=float("nan") if unknown else effect,
        power=power,
        level=level,
        assumed=assumed,
        sentence=sentence + (f" Assumed: {assumed}." if assumed else ""),
    )


def _assumed(correlation: float) -> str:
    if correlation == 0.0:
        return "the other run has the same spread and its scores are unrelated to this run's, the worst case"
    return f"the other run has the same spread and its scores correlate with this run's by {correlation:g}"


def _sentence(difference: float, samples: int | None, have: int, smallest: float, power: float, level: float) -> str:
    wanted = _points(difference)
    if samples is None:
        return f"{have:,} scored samples do not say what it takes to see {wanted}: all are equal, or of one media."
    return (
        f"To see {wanted} with probability {power:g} at level {level:g} takes {samples:,} samples; "
        f"the {have:,} at hand show {_points(smallest)} or more."
    )


def _points(difference: float) -> str:
    number = f"{abs(difference) / _POINT:.3g}"
    return f"{number} point{'' if number == '1' else 's'}"


def _sd(values: Columns) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _error(n: int, sd: float, effect: float, level: float) -> float:
    _check(sd, effect, level)
    if n < 1:
        raise CallerError(f"n must be at least 1, found {n!r}")
    return sd * math.sqrt(effect / n)


def _check(sd: float, effect: float, level: float) -> None:
    check_share("level", level)
    for name, value in (("sd_of_differences", sd), ("design_effect", effect)):
        if not 0.0 < value < math.inf:
            raise CallerError(f"{name} must be above 0 and finite, found {value!r}")
