"""Served yes/no probabilities beside those of the same model in process, alone and in company.

Servers have answered with wrong log-probabilities, and differently in batches; a reranker that trusts them ranks by
noise. So a server is compared before it is trusted, and refused when it differs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foveate.errors import CallerError, ServiceError
from foveate.rerankers.protocols import Judgement, Message, YesNoModel

__all__ = ["BATCHES", "TOLERANCE", "Difference", "ParityReport", "Refused", "compare", "kendall", "require"]

BATCHES = (1, 8, 32)
TOLERANCE = 1e-2
Prompt = Sequence[Message]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One prompt, judged by both."""

    prompt: int
    """Its place in the list."""
    batch: int
    """How many were sent at a time."""
    reference: float
    """Probability of yes in process."""
    served: float
    """The same of the server; NaN where it gave none."""

    @property
    def size(self) -> float:
        """Absolute difference; infinite where one is no number."""
        found = abs(self.reference - self.served)
        return found if math.isfinite(found) else math.inf


@dataclass(frozen=True, kw_only=True, slots=True)
class ParityReport:
    """What the comparison found."""

    reference: str
    served: str
    prompts: int
    tolerance: float
    largest: tuple[Difference, ...]
    """The largest difference of each batch size, in the order asked for."""
    kendall: Mapping[int, float]
    """Batch size -> Kendall's tau-b of both rankings, 1 when they are the same; NaN where all are tied."""
    swapped: int
    """Pairs that stand the other way round, over all batch sizes, though the reference tells them apart by more than
    the tolerance."""
    causes: tuple[str, ...]
    """What may be wrong, likeliest first; empty when accepted."""

    @property
    def worst(self) -> Difference:
        """The largest of all."""
        return max(self.largest, key=lambda item: item.size)

    @property
    def accepted(self) -> bool:
        """Whether the server may be trusted."""
        return self.worst.size <= self.tolerance and self.swapped == 0

    def to_dict(self) -> dict[str, Any]:
        """JSON form; None for what is no number."""
        return {
            "accepted": self.accepted,
            "reference": self.reference,
            "served": self.served,
            "prompts": self.prompts,
            "tolerance": self.tolerance,
            "largest": [
                {
                    "batch": item.batch,
                    "prompt": item.prompt,
                    "reference": _number(item.reference),
                    "served": _number(item.served),
                    "difference": _number(item.size),
                }
                for item in self.largest
            ],
            "kendall": {str(size): _number(value) for size, value in self.kendall.items()},
            "swapped": self.swapped,
            "causes": list(self.causes),
        }


class Refused(ServiceError):
    """A server whose scores differ from the reference."""

    def __init__(self, report: ParityReport) -> None:
        worst = report.worst
        why = "; ".join(report.causes)
        super().__init__(
            f"{report.served!r} is refused: prompt {worst.prompt} sent {worst.batch} at a time gets "
            f"{worst.served:.4f} instead of {worst.reference:.4f} of {report.reference!r}, allowed is a difference "
            f"of {report.tolerance:g}; {why}"
        )
        self.report = report


async def compare(
    reference: YesNoModel,
    served: YesNoModel,
    prompts: Sequence[Prompt],
    *,
    batches: Sequence[int] = BATCHES,
    tolerance: float = TOLERANCE,
    suspects: Mapping[str, YesNoModel] | None = None,
    served_at: Callable[[int], YesNoModel] | None = None,
    tell: Callable[[str], object] = lambda what: None,
) -> ParityReport:
    """Judge ``prompts`` in process and on the server, so many at a time, and compare.

    Args:
        reference: the same weights in process.
        served: the server; must send a whole list at once.
        prompts: at least as many as the largest batch, else that size is not tried truly.
        batches: how many to send at a time.
        tolerance: the largest difference in probability.
        suspects: what the server may be in truth, by the words to say so; asked only on a difference.
        served_at: batch size -> ``served`` under another cache salt, so that one pass does not answer the next.
        tell: progress.

    Raises:
        CallerError: nothing to compare.
    """
    if not prompts or not batches or min(batches) < 1 or not tolerance > 0:
        raise CallerError(
            f"{len(prompts)} prompts, batches {tuple(batches)!r}, tolerance {tolerance!r}: nothing to compare"
        )
    tell(f"{len(prompts)} prompts in process")
    wanted = await reference.judge(prompts)
    found: dict[int, list[Judgement]] = {}
    for size in batches:
        tell(f"{len(prompts)} prompts on the server, {size} at a time")
        found[size] = await _in_batches(served_at(size) if served_at else served, prompts, size)
    report = _report(reference.name, served.name, wanted, found, tolerance)
    if report.accepted:
        return report
    causes = [*await _unmasked(suspects or {}, prompts, found[batches[0]], tolerance), *_causes(report, wanted, found)]
    return _report(reference.name, served.name, wanted, found, tolerance, tuple(causes))


def require(report: ParityReport) -> ParityReport:
    """The report, if the server is accepted.

    Raises:
        Refused: it is not; names the difference and likely causes.
    """
    if not report.accepted:
        raise Refused(report)
    return report


def kendall(left: Sequence[float], right: Sequence[float]) -> float:
    """Kendall's tau-b (Kendall 1945): 1 for the same order, -1 for the opposite, NaN where one side is all tied."""
    signs = [(_sign(left[i] - left[j]), _sign(right[i] - right[j])) for i in range(len(left)) for j in range(i)]
    scale = sum(a != 0 for a, _ in signs) * sum(b != 0 for _, b in signs)
    return sum(a * b for a, b in signs) / math.sqrt(scale) if scale else math.nan


async def _in_batches(model: YesNoModel, prompts: Sequence[Prompt], size: int) -> list[Judgement]:
    made: list[Judgement] = []
    for start in range(0, len(prompts), size):
        made += await model.judge(prompts[start : start + size])
    if len(made) != len(prompts):
        raise ServiceError(f"{model.name!r} gave {len(made)} judgements for {len(prompts)} prompts")
    return made


def _report(
    reference: str,
    served: str,
    wanted: Sequence[Judgement],
    found: Mapping[int, Sequence[Judgement]],
    tolerance: float,
    causes: tuple[str, ...] = (),
) -> ParityReport:
    right = _probabilities(wanted)
    largest, order, swapped = [], {}, 0
    for size, judgements in found.items():
        left = _probabilities(judgements)
        pairs = zip(right, left, strict=True)
        rows = [Difference(prompt=at, batch=size, reference=a, served=b) for at, (a, b) in enumerate(pairs)]
        largest.append(max(rows, key=lambda item: item.size))
        order[size] = kendall(right, left)
        swapped += _swapped(right, left, tolerance)
    return ParityReport(
        reference=reference,
        served=served,
        prompts=len(wanted),
        tolerance=tolerance,
        largest=tuple(largest),
        kendall=order,
        swapped=swapped,
        causes=causes,
    )


def _probabilities(judgements: Sequence[Judgement]) -> list[float]:
    return [
        judgement.probability if judgement.yes == judgement.yes and judgement.no == judgement.no else math.nan
        for judgement in judgements
    ]


def _swapped(right: Sequence[float], left: Sequence[float], gap: float) -> int:
    pairs = ((i, j) for i in range(len(right)) for j in range(len(right)) if right[i] - right[j] > gap)
    return sum(left[i] < left[j] for i, j in pairs)


async def _unmasked(
    suspects: Mapping[str, YesNoModel], prompts: Sequence[Prompt], found: Sequence[Judgement], tolerance: float
) -> list[str]:
    """Names of the suspects that the server agrees with."""
    served = _probabilities(found)
    same = []
    for words, model in suspects.items():
        own = _probabilities(await model.judge(prompts))
        if all(abs(a - b) <= tolerance for a, b in zip(own, served, strict=True)):
            same.append(f"it answers as {words}")
    return same


def _causes(report: ParityReport, wanted: Sequence[Judgement], found: Mapping[int, Sequence[Judgement]]) -> list[str]:
    causes = []
    alone = found[report.largest[0].batch]
    counts = [(a.usage.tokens_in, b.usage.tokens_in) for a, b in zip(wanted, alone, strict=True)]
    other = [(at, a, b) for at, (a, b) in enumerate(counts) if a and b and a != b]
    if other:
        at, here, there = other[0]
        causes.append(f"another tokenizer or chat template: prompt {at} has {here} tokens here and {there} there")
    if math.isinf(report.worst.size):
        causes.append("it gave no number: damaged weights, or a type whose numbers end too early (float16)")
    sizes = [item.size for item in report.largest]
    if len(sizes) > 1 and sizes[0] <= report.tolerance:
        causes.append(
            f"it answers rightly {report.largest[0].batch} at a time and wrongly in company: a fault of its batching, "
            "or of its prefix cache"
        )
    if not causes:
        causes.append(
            "another model or adapter under that name, an adapter that is not loaded, or coarser numbers (bfloat16, "
            "quantized weights) on the server"
        )
    return causes


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
