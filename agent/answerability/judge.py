"""The judge: signals to a probability that answering is right, and by the policy to an answer or a typed abstention."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from foveate.agent.answerability.combiner import Combiner
from foveate.agent.answerability.files import load_fitted
from foveate.errors import CallerError
from foveate.records import Reason

__all__ = ["SHIPPED", "Judge", "Judgement", "load_judge"]

SHIPPED = Path(__file__).with_name("mini.json")
"""Fitted for ``mini`` and the reasoner that ships with foveate."""
_TOLD = 6
"""Signals that a trace explains a judgement by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """On one question."""

    confidence: float
    """Probability that answering is right."""
    answerable: float
    """Probability that there is a right answer to be given."""
    reason: Reason
    """The likeliest reason not to answer."""
    threshold: float
    """Confidence from which the policy answers."""
    because: tuple[tuple[str, float], ...]
    """Signals that moved the confidence most, with what they added to its log-odds."""

    @property
    def abstains(self) -> bool:
        """Whether the policy would rather not answer."""
        return self.confidence < self.threshold

    def to_dict(self) -> dict[str, Any]:
        """As the graph's state and the trace hold it."""
        return {
            "confidence": round(self.confidence, 6),
            "answerable": round(self.answerable, 6),
            "reason": self.reason,
            "threshold": round(self.threshold, 6),
            "abstains": self.abstains,
            "because": {name: round(value, 3) for name, value in self.because},
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """A fitted combiner with a threshold."""

    combiner: Combiner
    threshold: float

    def weigh(self, signals: Mapping[str, float]) -> Judgement:
        """Judge one question by its signals; what the combiner does not know of is left out."""
        known = {name: value for name, value in signals.items() if name in self.combiner.features}
        outcomes = self.combiner.outcomes(known)
        reasons = {name: chance for name, chance in outcomes.items() if name in get_args(Reason)}
        moved = sorted(self.combiner.explain(known, "right"), key=lambda item: -abs(item[1]))
        return Judgement(
            confidence=outcomes["right"],
            answerable=outcomes["right"] + outcomes["wrong"],
            reason=max(sorted(reasons), key=reasons.__getitem__),  # type: ignore[arg-type]  # one of Reason
            threshold=self.threshold,
            because=tuple(moved[:_TOLD]),
        )


def load_judge(file: Path | None, *, encoder: str, reasoner: str, target_risk: float | None) -> Judge | None:
    """The judge of a file; of the shipped one None where it was fitted for another encoder or reasoner.

    Args:
        file: None takes the shipped one.
        encoder: fingerprint of the one in use.
        reasoner: name of the one in use.
        target_risk: share of wrong answers among those given; None is the policy's default.

    Raises:
        CallerError: a file of one's own that is no judge, or was fitted for other models.
    """
    if file is None and not SHIPPED.is_file():
        return None
    combiner, policy = load_fitted(file or SHIPPED)
    used = {"encoder": encoder, "reasoner": reasoner}
    for part, name in used.items():
        if combiner.made_for.get(part) != name:
            if file is None:
                return None
            raise CallerError(f"judge {str(file)!r} was fitted for another {part} than the one in use: fit it anew")
    return Judge(combiner=combiner, threshold=policy.threshold(target_risk))
