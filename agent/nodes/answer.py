"""answer: what the steps came to, in words that what was read holds, each with its place."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

from langgraph.runtime import Runtime

from foveate.agent.answerability.signals import named_in
from foveate.agent.answerability.wording import abstention
from foveate.agent.budget import seconds_left
from foveate.agent.choosing.options import Asked, parse
from foveate.agent.choosing.verdict import reply
from foveate.agent.citations import Support, bind, cited, note_of, quote_text, split_claims
from foveate.agent.deps import Deps
from foveate.agent.events import Delta
from foveate.agent.nodes.stage import staged, usage_dict
from foveate.agent.nodes.step import OUT_OF_BUDGET
from foveate.agent.outcome import Outcome, outcome_of
from foveate.agent.state import AgentState, QuoteRef, Turn
from foveate.errors import FoveateError, ModelError, ServiceError
from foveate.records import Chunk, Reason
from foveate.rerankers.layouts import layout
from foveate.rerankers.protocols import ImagePart, Message, Reply, Sampling
from foveate.rerankers.reasoning.prompts import numbered
from foveate.rerankers.reasoning.quotes import shorten
from foveate.rerankers.reasoning.reader import holds
from foveate.usage import Usage

__all__ = ["answer"]

_TURNS = 8
"""Turns a thread remembers."""
_TWO_SIDES = ("conflicting", OUT_OF_BUDGET)
"""What is told in spite of a low confidence: it says itself that it is no answer."""
_HEADING = re.compile(r"^#+ (.*?)\s*\n+")
_MARKUP = re.compile(r"^#+ |[|*`]|-{3,}", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """What is said, and what it rests on."""

    text: str
    supports: Sequence[Support]
    usage: Usage = field(default_factory=Usage)
    detail: Mapping[str, Any]


@staged("answer")
async def answer(state: AgentState, runtime: Runtime[Deps]) -> tuple[AgentState, dict[str, Any]]:
    """Say it, check it, cite it; without evidence say what was looked for."""
    deps = runtime.context
    outcome = outcome_of(state)
    chunks = {chunk.id: chunk for chunk in deps.chunks([quote["chunk_id"] for quote in outcome.quotes])}
    outcome = _still_there(outcome, chunks)
    quotes = [quote for quote in outcome.quotes if quote["chunk_id"] in chunks]
    judged = state.get("judgement") or {}
    update: AgentState = {
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "confidence": judged.get("confidence", outcome.confidence),
    }
    chosen = state.get("choice")
    nothing = not quotes and not outcome.short and chosen is None
    if nothing or (judged.get("abstains") and outcome.reason not in _TWO_SIDES):
        return {**update, **_abstained(state, outcome, chunks)}, {"drafted": False}
    texts = [quote_text(quote, chunks[quote["chunk_id"]]) for quote in quotes]
    if chosen is not None:
        # What was chosen can be right though no step came to words: a picture that matches says none.
        update |= {"verdict": "answered", "reason": "none"} if outcome.reason == "no_evidence" else {}
        said: _Said | None = _chosen(parse(state["question"]), chosen, outcome, quotes, chunks, texts)
        outcome = replace(outcome, short=state["options"][chosen]["text"])
    else:
        said = _shown(outcome, quotes, chunks, texts)
    # What code counted or compared a draft could only get wrong, and of a conflict it would tell one side.
    if said is None or (chosen is None and deps.drafts and not outcome.counted and outcome.reason != "conflicting"):
        said = await _drafted(state, deps, quotes, chunks, texts)
    citations = [item.to_dict() for item in cited(said.supports, quotes, chunks)]
    update |= {**_told(state, said.text, citations), "short": outcome.short, "usage": usage_dict(said.usage)}
    if seconds_left(state["started_s"], deps.budget) <= 0:
        update |= {"verdict": "partial", "reason": OUT_OF_BUDGET}
    shown = {"short": outcome.short, "chain": [list(pair) for pair in outcome.chain]}
    return update, {**shown, **said.detail}


def prompt(question: str, notes: Sequence[str], images: Sequence[ImagePart] = ()) -> list[Message]:
    """Instructions, the notes, the question: the layout of this stage, so that what is shared most stands in front."""
    return [*layout("answer").messages({"notes": numbered(notes), "question": shorten(question)}, images)]


def _still_there(outcome: Outcome, chunks: Mapping[str, Chunk]) -> Outcome:
    """Without a short answer whose evidence was deleted meanwhile: it could not be cited."""
    if outcome.counted or all(quote["chunk_id"] in chunks for quote in outcome.carrying):
        return outcome
    return replace(outcome, short="", verdict="partial", reason="no_evidence")


def _shown(
    outcome: Outcome, quotes: Sequence[QuoteRef], chunks: Mapping[str, Chunk], texts: Sequence[str]
) -> _Said | None:
    """The short answer with the sentences that carry it, step by step; None where there is no short answer."""
    if not outcome.short:
        return None
    places = {_place(quote): i for i, quote in enumerate(quotes)}
    supports = []
    for quote in outcome.carrying:
        if (i := places.get(_place(quote))) is not None:
            supports.append(_verbatim(quotes, chunks, texts, i))
    supports = list({support.claim: support for support in supports}.values())
    sentences = " ".join(support.claim for support in supports)
    whole = len(supports) == 1 and outcome.short.casefold() in sentences.casefold() and not outcome.counted
    text = sentences if whole else f"{outcome.short}. {sentences}".strip()
    return _Said(text=text, supports=supports, detail={"drafted": False})


async def _drafted(
    state: AgentState, deps: Deps, quotes: Sequence[QuoteRef], chunks: dict[str, Chunk], texts: Sequence[str]
) -> _Said:
    """A draft of the generator, of which only the claims stay that a quote holds."""
    draft, usage, problem = await _draft(state, deps, quotes, chunks)
    claims = split_claims(draft)
    supports = bind(claims, state["question"], texts)
    extractive = not supports
    if extractive:
        supports = [_verbatim(quotes, chunks, texts, 0)]
    detail = {
        "drafted": bool(draft),
        "draft": draft,
        "claims": len(claims),
        "kept": 0 if extractive else len(supports),
        "quoted_instead": extractive,
    } | ({"problem": problem} if problem else {})
    text = " ".join(support.claim for support in supports)
    return _Said(text=text, supports=supports, usage=usage, detail=detail)


async def _draft(
    state: AgentState, deps: Deps, quotes: Sequence[QuoteRef], chunks: dict[str, Chunk]
) -> tuple[str, Usage, str | None]:
    """A draft, its cost, and what went wrong. Without time or model the evidence still answers, quoted."""
    left = seconds_left(state["started_s"], deps.budget)
    if left <= 0:
        return "", Usage(), "no time left to write"
    notes = [note_of(quote, chunks[quote["chunk_id"]]) for quote in quotes]
    images = await asyncio.to_thread(_pictures, quotes, chunks, deps) if deps.model.sees else []
    messages = prompt(state["question"], notes, images)
    sampling = Sampling(max_tokens=deps.budget.answer_tokens)
    try:
        async with asyncio.timeout(left):
            reply = await _stream(deps, messages, sampling)
    except TimeoutError:
        return "", Usage(images_sent=len(images)), "the model ran out of time"
    except (ModelError, ServiceError) as error:
        return "", Usage(), f"{type(error).__name__}: {error}"
    return reply.text.strip(), reply.usage, None


async def _stream(deps: Deps, messages: list[Message], sampling: Sampling) -> Reply:
    async for item in deps.model.stream(messages, sampling):
        if isinstance(item, Reply):
            return item
        deps.emit(Delta(text=item))
    raise ModelError(f"model {deps.model.name!r} ended its stream without a reply")


def _pictures(quotes: Sequence[QuoteRef], chunks: dict[str, Chunk], deps: Deps) -> list[ImagePart]:
    parts: list[ImagePart] = []
    for chunk in {quote["chunk_id"]: chunks[quote["chunk_id"]] for quote in quotes}.values():
        if chunk.part in ("picture", "tile", "page", "frame") and len(parts) < deps.budget.images:
            try:
                picture = deps.look(chunk)
            except (FoveateError, OSError):
                continue  # the file went away after indexing; its words are still there
            buffer = BytesIO()
            picture.convert("RGB").save(buffer, format="JPEG", quality=90)
            parts.append(ImagePart(data=buffer.getvalue(), mime="image/jpeg"))
    return parts


def _verbatim(quotes: Sequence[QuoteRef], chunks: Mapping[str, Chunk], texts: Sequence[str], at: int) -> Support:
    """Evidence in its own words."""
    chunk = chunks[quotes[at]["chunk_id"]]
    if quotes[at]["end"]:
        # The citation keeps the very words; the sentence a person reads goes without heading and table marks.
        headed = _HEADING.sub(r"\1: ", texts[at])
        return Support(claim=" ".join(_MARKUP.sub(" ", headed).split()), quotes=(at,))
    return Support(claim=f"Closest is {chunk.path.rsplit('/', 1)[-1]}: {texts[at]}.", quotes=(at,))


def _chosen(
    asked: Asked,
    choice: int,
    outcome: Outcome,
    quotes: Sequence[QuoteRef],
    chunks: Mapping[str, Chunk],
    texts: Sequence[str],
) -> _Said:
    """The option, with the sentences that hold it; one that the question's picture shows needs none."""
    places = {_place(quote): i for i, quote in enumerate(quotes)}
    held = [places[_place(quote)] for quote in outcome.carrying if _place(quote) in places]
    said, option, _ = reply(asked, choice)
    carrying = [i for i in held if holds(texts[i], option) or holds(texts[i], outcome.short)]
    supports = [_verbatim(quotes, chunks, texts, i) for i in carrying]
    sentences = " ".join(dict.fromkeys(support.claim for support in supports))
    return _Said(text=f"{said}\n{sentences}".strip(), supports=supports, detail={"drafted": False})


def _abstained(state: AgentState, outcome: Outcome, chunks: Mapping[str, Chunk]) -> AgentState:
    """No answer, with the reason; of options, the one that says that none is right."""
    judged = state.get("judgement") or {}
    reason: Reason = "no_evidence" if not judged.get("abstains") else judged["reason"]
    reason = "out_of_budget" if outcome.out_of_budget else reason
    options = state.get("options", [])
    text = abstention(
        reason,
        searched=state["searched"],
        filters=state.get("filters", ""),
        options=[option["text"] for option in options if not option["none"]],
        closest=next((chunk.path.rsplit("/", 1)[-1] for chunk in chunks.values()), ""),
        unsupported=", ".join(_unsupported(state["whole"], chunks.values())),
    )
    none = next((i for i, option in enumerate(options) if option["none"]), None)
    if none is not None:
        text = f"{reply(parse(state['question']), none)[0]}\n{text}"
    verdict: AgentState = {"verdict": "unanswerable", "reason": reason, "short": "", "choice": none}
    return {**verdict, **_told(state, text, [])}


def _unsupported(question: str, chunks: Iterable[Chunk]) -> list[str]:
    """Names and numbers of the question that no piece of the quoted evidence holds together with the others."""
    texts = [f"{chunk.title or ''} {chunk.text or ''}" for chunk in chunks]
    names = sorted(named_in(question))
    best = max(texts, key=lambda text: sum(holds(text, name) for name in names), default="")
    return [name.title() for name in names if not holds(best, name)]


def _told(state: AgentState, text: str, citations: list[dict[str, Any]]) -> AgentState:
    turns = [*state.get("turns", []), Turn(question=shorten(parse(state["question"]).question), answer=text)][-_TURNS:]
    return {"text": text, "citations": citations, "turns": turns}


def _place(quote: QuoteRef) -> tuple[str, int, int]:
    return quote["chunk_id"], quote["start"], quote["end"]
