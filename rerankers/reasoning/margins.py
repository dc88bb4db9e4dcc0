"""Writing in the Margins (Russak et al. 2024, arXiv 2408.14906): long evidence piece by piece, a note beside each.

A piece goes through the model once; its note and the judgement of the note are computed from the kept keys and values.
The judgement is a further turn of the same talk, so that it shares the whole prompt of the note and the note itself.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from foveate.chunking.passages import passages
from foveate.errors import CallerError
from foveate.locators import CharSpan
from foveate.rerankers.layouts import layout
from foveate.rerankers.protocols import ChatModel, Judgement, Message, Sampling, YesNoModel
from foveate.rerankers.reasoning.prompts import quote_prompt
from foveate.rerankers.reasoning.quotes import quote, shorten
from foveate.rerankers.sentences import Encode, coverage, statements
from foveate.rerankers.yesno import TOP, judgement_of
from foveate.usage import Usage

__all__ = ["HELPS", "Margin", "Margins", "relevant"]

HELPS = "Do these sentences help to answer the question? Answer Yes or No."
"""The turn after a note."""
_PIECE_CHARS = 3000
"""Of a piece at most, about 750 tokens: a margin comes about every second of a processor."""
_MAX_TOKENS = 64
_RELEVANT = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Margin:
    """A note on one piece."""

    chunk_id: str
    index: int
    """Of the piece, from 1."""
    of: int
    """Pieces to be read in all."""
    text: str
    """Sentences of the chunk, verbatim but for white space, one a line; empty when none helps."""
    spans: tuple[CharSpan, ...]
    """Where they stand in the chunk's text."""
    relevant: bool
    probability: float
    """That the note helps to answer the question; NaN for an empty one, which nobody judges."""
    refused: int = 0
    """Lines the model gave for quotes that stand nowhere in the piece."""
    seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    chunk_id: str
    label: str
    text: str
    start: int

    @property
    def shown(self) -> str:
        return f"{self.label}: {self.text}" if self.label else self.text


@runtime_checkable
class _Judges(Protocol):
    async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]: ...


class Margins:
    """Reads evidence in pieces and keeps what helps."""

    def __init__(
        self,
        chat: ChatModel,
        judge: YesNoModel | None = None,
        *,
        note: Literal["quote", "sentence"] = "quote",
        encode: Encode | None = None,
        threshold: float = _RELEVANT,
        piece_chars: int = _PIECE_CHARS,
        max_tokens: int = _MAX_TOKENS,
    ) -> None:
        """Choose how notes are made.

        Args:
            chat: writes the notes, and judges them where ``judge`` is None. A model of this process judges over its
                whole vocabulary; a served one is asked for its likeliest tokens.
            judge: a reranking model, shown question and note alone.
            note: ``quote``: the model copies sentences. ``sentence``: the one nearest to the question is taken, and
                the model does nothing but judge.
            encode: (n) texts -> (n, d) unit rows, for ``sentence``; None goes by shared words alone.
            threshold: probability from which a margin is relevant.
            piece_chars: a longer chunk is read in pieces of whole sentences.
            max_tokens: of a written note.

        Raises:
            CallerError: an unknown kind of note, a threshold outside [0, 1] or pieces of no character.
        """
        if note not in ("quote", "sentence"):
            raise CallerError(f"note is {note!r}; choose 'quote' or 'sentence'")
        if not 0.0 <= threshold <= 1.0 or piece_chars < 1:
            raise CallerError(f"threshold {threshold!r} must be in [0, 1], piece_chars {piece_chars!r} 1 or more")
        self._chat = chat
        self._judge = judge
        self._note = note
        self._encode = encode
        self._threshold = threshold
        self._piece_chars = piece_chars
        self._max_tokens = max_tokens

    async def write(
        self,
        question: str,
        chunks: Sequence[tuple[str, str]],
        *,
        labels: Mapping[str, str] | None = None,
        deadline_s: float = math.inf,
        max_pieces: int | None = None,
    ) -> AsyncIterator[Margin]:
        """Margins in reading order, each as soon as its piece is read. Nothing is read ahead: leaving stops the work.

        Args:
            question: cut in its middle to 2,000 characters.
            chunks: (id, text), in the order to be read; those without text are left out.
            labels: chunk id -> what it is from (``Document 'Fiji'``): shown before its text, never part of a note.
            deadline_s: ``time.monotonic()`` at which reading ends, also in the middle of a piece.
            max_pieces: read at most; None reads all.

        Raises:
            CallerError: the question is empty, or a piece exceeds the model's context.
            ModelError, ServiceError: the model failed.
        """
        asked = shorten(question)
        if not asked:
            raise CallerError("the question is empty; margins need one")
        pieces = self._pieces(chunks, labels or {})[:max_pieces]
        for index, piece in enumerate(pieces, 1):
            margin = await self._in_time(asked, piece, deadline_s, index, len(pieces))
            if margin is None:
                return
            yield margin

    def _pieces(self, chunks: Sequence[tuple[str, str]], labels: Mapping[str, str]) -> list[_Piece]:
        return [
            _Piece(chunk_id=name, label=labels.get(name, ""), text=text[span.start : span.end], start=span.start)
            for name, text in chunks
            for span in passages(text, max_chars=self._piece_chars, overlap=0)
        ]

    async def _in_time(self, question: str, piece: _Piece, deadline_s: float, index: int, of: int) -> Margin | None:
        left = deadline_s - time.monotonic()
        if left <= 0:
            return None
        try:
            async with asyncio.timeout(None if math.isinf(left) else left):
                return await self._margin(question, piece, index, of)
        except TimeoutError:
            return None

    async def _margin(self, question: str, piece: _Piece, index: int, of: int) -> Margin:
        began = time.perf_counter()
        spans, refused, usage = await self._written(question, piece)
        text = "\n".join(" ".join(piece.text[span.start : span.end].split()) for span in spans)
        probability = math.nan
        if text:
            judgement = await self._judged(question, piece, text)
            probability, usage = judgement.probability, usage + judgement.usage
        return Margin(
            chunk_id=piece.chunk_id,
            index=index,
            of=of,
            text=text,
            spans=tuple(CharSpan(start=piece.start + span.start, end=piece.start + span.end) for span in spans),
            relevant=probability >= self._threshold,  # NaN is not
            probability=probability,
            refused=refused,
            seconds=time.perf_counter() - began,
            usage=usage,
        )

    async def _written(self, question: str, piece: _Piece) -> tuple[list[CharSpan], int, Usage]:
        if self._note == "sentence":
            span = await asyncio.to_thread(self._nearest, question, piece.text)
            return [span], 0, Usage()
        labels = [piece.label] if piece.label else []
        told = await quote(self._chat, question, [piece.text], labels=labels, max_tokens=self._max_tokens)
        return [CharSpan(start=one.start, end=one.end) for one in told.quotes], len(told.refused), told.usage

    def _nearest(self, question: str, text: str) -> CharSpan:
        spans = statements(text)
        parts = [text[span.start : span.end] for span in spans]
        scores = [coverage(question, part) for part in parts]
        if self._encode is not None:
            rows = self._encode([question, *parts])  # (1 + sentences, d)
            scores = [score + float(row @ rows[0]) for score, row in zip(scores, rows[1:], strict=True)]
        return spans[max(range(len(spans)), key=lambda at: (scores[at], -at))]

    async def _judged(self, question: str, piece: _Piece, note: str) -> Judgement:
        if self._judge is not None:
            candidate = f"{piece.label}: {note}" if piece.label else note
            prompt = layout("rerank").messages({"question": question, "candidate": candidate})
            return (await self._judge.judge([prompt]))[0]
        talk = [
            *quote_prompt(question, [piece.shown]),
            Message(role="assistant", text=note),
            Message(role="user", text=HELPS),
        ]
        if isinstance(self._chat, _Judges):
            return (await self._chat.judge([talk]))[0]
        reply = await self._chat.chat(talk, Sampling(max_tokens=1, top_logprobs=TOP))
        return judgement_of(reply, name=self._chat.name)


def relevant(margins: Iterable[Margin]) -> list[Margin]:
    """Those that go into the answer, in the order in which they were read; a note that came before is left out."""
    kept: dict[str, Margin] = {}
    for one in margins:
        if one.relevant:
            kept.setdefault(one.text, one)
    return list(kept.values())
