"""What evidence is to a claim: three probabilities, or unknown."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from foveate.errors import CallerError
from foveate.usage import Usage

__all__ = ["LABELS", "Entailment", "Label"]

Label = Literal["entailed", "contradicted", "neutral"]
LABELS: tuple[Label, ...] = get_args(Label)
"""In the order in which probabilities stand everywhere."""
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class Entailment:
    """How likely evidence entails a claim, contradicts it, or says nothing of it.

    The three probabilities sum to 1; all three are NaN where the model said none of the words.
    """

    entailed: float
    contradicted: float
    neutral: float
    usage: Usage = field(default_factory=Usage, compare=False)
    """What asking cost."""

    def __post_init__(self) -> None:
        if all(math.isnan(value) for value in self.probabilities):
            return
        good = all(0.0 <= value <= 1.0 for value in self.probabilities)
        if not good or abs(sum(self.probabilities) - 1.0) > _ROUNDING:
            raise CallerError(f"probabilities of an entailment are {self.probabilities!r}; they must sum to 1")

    @property
    def probabilities(self) -> tuple[float, float, float]:
        """In the order of :data:`LABELS`."""
        return self.entailed, self.contradicted, self.neutral

    @property
    def known(self) -> bool:
        """Whether the model said anything."""
        return not math.isnan(self.entailed)

    @property
    def label(self) -> Label | None:
        """The likeliest; of equal ones the most careful (neutral, then contradicted). None where nothing is known."""
        if not self.known:
            return None
        best = max(self.probabilities)
        return next(label for label in reversed(LABELS) if self.probabilities[LABELS.index(label)] == best)

    def to_dict(self) -> dict[str, Any]:
        """JSON form; unknown probabilities are null."""
        values = zip(LABELS, self.probabilities, strict=True)
        return {"label": self.label, **{name: round(value, 4) if self.known else None for name, value in values}}
