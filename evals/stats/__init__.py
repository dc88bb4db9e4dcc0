"""How sure a figure is: intervals, paired tests, families of comparisons, power."""

from foveate.evals.stats.intervals import Interval, interval
from foveate.evals.stats.paired import Paired, paired
from foveate.evals.stats.power import Plan, design_effect, detectable, needed, plan, power_of
from foveate.evals.stats.several import benjamini_hochberg, family_note, holm

__all__ = [
    "Interval",
    "Paired",
    "Plan",
    "benjamini_hochberg",
    "design_effect",
    "detectable",
    "family_note",
    "holm",
    "interval",
    "needed",
    "paired",
    "plan",
    "power_of",
]
