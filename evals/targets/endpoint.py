"""An agent behind an OpenAI-compatible address: the same questions, over the wire."""

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foveate.errors import ModelError
from foveate.evals.samples import Dataset, Document, Output, Sample
from foveate.evals.targets.agent import evidence_of, places_of, span_of
from foveate.evals.targets.pictures import part
from foveate.evals.targets.protocols import Ability
from foveate.evals.targets.staging import Staged, stage
from foveate.locators import Locator, from_dict
from foveate.records import Reason, Verdict
from foveate.rerankers.client import OpenAIChat
from foveate.rerankers.protocols import ImagePart, Message, Sampling
from foveate.usage import Usage

__all__ = ["EndpointTarget"]

_VERDICTS: tuple[Verdict, ...] = ("answered", "partial", "unanswerable")


class EndpointTarget:
    """Asks a server. What foveate's own endpoint says beside the protocol (verdict, citations) is read where it is.

    The server has its collection already; sources it cites are matched with the dataset's documents by the end of
    their paths, since it may know them by another folder.
    """

    kind = "endpoint"
    abilities: frozenset[Ability] = frozenset({"ask"})

    def __init__(self, chat: OpenAIChat, *, concurrency: int = 8, max_tokens: int = 256) -> None:
        self._chat = chat
        self.concurrency = concurrency
        self._max_tokens = max_tokens
        self._staged = Staged(roots=())

    async def prepare(self, dataset: Dataset, work: Path) -> None:
        """Learn the documents' names; nothing is sent."""
        folder = work / "endpoint" / dataset.name
        self._staged = await asyncio.to_thread(stage, dataset, folder) if dataset.documents else Staged(roots=())

    async def ask(self, sample: Sample, question: str) -> Output:
        """One chat completion.

        Raises:
            ServiceError: the server is away or fails.
            ModelError: it says what is no answer.
        """
        images = await asyncio.to_thread(_images, sample)
        message = Message(role="user", text=question, images=images)
        reply, extra = await self._chat.complete([message], Sampling(max_tokens=self._max_tokens))
        said = extra.get("foveate")
        if not isinstance(said, dict):
            return Output(text=reply.text, usage=reply.usage)
        return self._output(reply.text, said, reply.usage)

    def _output(self, text: str, said: Mapping[str, Any], usage: Usage) -> Output:
        citations = said.get("citations") or []
        if said.get("verdict") not in _VERDICTS or not isinstance(citations, list):
            raise ModelError(f"the endpoint's verdict {said.get('verdict')!r} is none of {_VERDICTS}")
        places = [(item, locator, self._documents(item, locator)) for item in citations if (locator := _locator(item))]
        reason: Reason = said.get("reason", "none")
        return Output(
            text=text,
            verdict=said["verdict"],
            reason=reason,
            confidence=_probability(said.get("confidence")),
            cited=tuple(dict.fromkeys(place for _, at, found in places for place in places_of(at, found))),
            spans=tuple(dict.fromkeys(span for _, at, _ in places if (span := span_of(at)))),
            evidence=tuple(evidence_of(item, found) for item, _, found in places),
            usage=_usage(said.get("usage"), usage),
        )

    def _documents(self, item: Mapping[str, Any], locator: Locator) -> list[Document]:
        return self._staged.documents(self._known(str(item.get("source", ""))), locator)

    def _known(self, source: str) -> list[str]:
        """Our paths for a source: the same path, else the one that shares the longest tail of names."""
        if source in self._staged.by_path:
            return [source]
        parts = Path(source).parts
        shared = {path: _tail(Path(path).parts, parts) for path in self._staged.by_path}
        best = max(shared.values(), default=0)
        return [path for path, length in shared.items() if length == best and best > 0]

    def describe(self) -> Mapping[str, Any]:
        """Model and address."""
        return {"model": self._chat.name, "address": self._chat.base_url, "sees": self._chat.sees}

    async def close(self) -> None:
        """Close the connections."""
        await self._chat.aclose()


def _tail(ours: tuple[str, ...], theirs: tuple[str, ...]) -> int:
    length = 0
    for one, other in zip(reversed(ours), reversed(theirs), strict=False):
        if one != other:
            break
        length += 1
    return length


def _images(sample: Sample) -> tuple[ImagePart, ...]:
    # PNG: the server must see the very pixels that the agent in process sees.
    return tuple(part(path, "png") for path in sample.images)


def _locator(item: Mapping[str, Any]) -> Locator:
    place = item.get("locator") if isinstance(item, Mapping) else None
    if not isinstance(place, dict):
        raise ModelError(f"the endpoint cited {item!r:.80}, which is no citation")
    return from_dict(place)


def _probability(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1
    return float(value) if good else None


def _usage(said: Any, counted: Usage) -> Usage:
    """The endpoint's own ledger where it sends one: it knows hops and frames, which the protocol does not."""
    if not isinstance(said, dict):
        return counted
    known = {key: value for key, value in said.items() if key in Usage.__dataclass_fields__}
    try:
        return Usage(**known)
    except TypeError:
        return counted
