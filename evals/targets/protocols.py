"""What a target is to the tasks: one small Protocol an ability."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from foveate.errors import CallerError
from foveate.evals.samples import Dataset, Output, Sample, Span

__all__ = [
    "ABILITIES",
    "Ability",
    "Answers",
    "Finds",
    "Locates",
    "Matches",
    "Ranking",
    "Reranks",
    "Says",
    "Target",
    "need",
]

Ability = Literal["find", "locate", "rerank", "ask", "say", "match"]
ABILITIES: tuple[Ability, ...] = get_args(Ability)
Ranking = list[tuple[str, float]]
"""(document id, score), best first, each document once."""


class Target(Protocol):
    """Something that can be evaluated."""

    kind: str
    """What suites call it."""
    abilities: frozenset[Ability]
    concurrency: int
    """Samples it does well with at a time."""

    async def prepare(self, dataset: Dataset, work: Path) -> None:
        """Get ready for a dataset: index its documents, encode its pictures. ``work`` is kept between runs.

        Raises:
            CallerError: the target cannot do this dataset at all, and why.
        """

    def describe(self) -> Mapping[str, Any]:
        """Names and hashes of what was measured; the same for the same models and settings."""

    async def close(self) -> None:
        """Let go of models, files and connections."""


@runtime_checkable
class Finds(Protocol):
    """Ability ``find``: documents for a sample."""

    async def find(self, sample: Sample, k: int) -> Ranking:
        """The best ``k`` documents of the prepared dataset."""


@runtime_checkable
class Locates(Protocol):
    """Ability ``locate``: moments of the sample's films."""

    async def locate(self, sample: Sample, k: int) -> list[Span]:
        """The best ``k`` moments, best first."""


@runtime_checkable
class Reranks(Protocol):
    """Ability ``rerank``: the first stage's best documents in a better order."""

    async def rerank(self, sample: Sample, depth: int) -> Ranking:
        """The best ``depth`` documents of the first stage, scored again."""


@runtime_checkable
class Answers(Protocol):
    """Ability ``ask``: an answer to a question over the prepared dataset."""

    async def ask(self, sample: Sample, question: str) -> Output:
        """Answer ``question``, which is the sample's text with what the task adds (options, classes)."""


@runtime_checkable
class Says(Protocol):
    """Ability ``say``: words about pictures, with nothing to look things up in."""

    async def say(self, pictures: Sequence[str], instruction: str) -> Output:
        """What it says of the pictures."""


@runtime_checkable
class Matches(Protocol):
    """Ability ``match``: how well pictures and texts go together."""

    async def match(self, pictures: Sequence[str], texts: Sequence[str]) -> list[list[float]]:
        """(p) paths, (t) texts -> (p, t) similarities."""

    async def alike(self, pictures: Sequence[str], others: Sequence[str]) -> list[list[float]]:
        """(p) paths, (o) paths -> (p, o) similarities of pictures to pictures."""


def need(target: Target, ability: Ability, task: str) -> None:
    """Refuse a task that a target cannot do.

    Raises:
        CallerError: with what it can do.
    """
    if ability not in target.abilities:
        there = ", ".join(sorted(target.abilities))
        raise CallerError(f"task {task!r} needs a target that can {ability!r}; target {target.kind!r} can {there}")
