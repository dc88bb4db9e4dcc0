"""answer: a draft from what was read, then only the claims that what was read holds, each with its place."""

import asyncio
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from langgraph.runtime import Runtime

from foveate.agent.budget import seconds_left
from foveate.agent.citations import Support, bind, cited, quote_text, split_claims
from foveate.agent.deps import Deps
from foveate.agent.events import Delta
from foveate.agent.nodes.stage import staged, usage_of
from foveate.agent.state import AgentState, QuoteRef, Turn
from foveate.errors import FoveateError, ModelError, ServiceError
from foveate.locators import describe
from foveate.records import Chunk
from foveate.rerankers.layouts import layout
from foveate.rerankers.protocols import ImagePart, Message, Reply, Sampling
from foveate.usage import Usage

__all__ = ["answer"]

_TURNS = 8
"""Turns a thread remembers."""
_HEADING = re.compile(r"^#+ (.*?)\s*\n+")
_MARKUP = re.compile(r"^#+ |[|*`]|-{3,}", re.MULTILINE)


@staged("answer")
async def answer(state: AgentState, runtime: Runtime[Deps]) -> tuple[AgentState, dict[str, Any]]:
    """Write, check, cite; without evidence say what was looked for."""
    deps = runtime.context
    chunks = {chunk.id: chunk for chunk in deps.chunks([quote["chunk_id"] for quote in state["quotes"]])}
    quotes = [quote for quote in state["quotes"] if quote["chunk_id"] in chunks]
    if not quotes:
        text = _nothing(state)
        return _update(state, text, [], Usage()), {"drafted": False}
    texts = [quote_text(quote, chunks[quote["chunk_id"]]) for quote in quotes]
    draft, usage, problem = await _draft(state, deps, quotes, chunks)
    claims = split_claims(draft)
    supports = bind(claims, state["question"], texts)
    extractive = not supports
    if extractive:
        supports = [_verbatim(quotes, chunks, texts)]
    text = " ".join(support.claim for support in supports)
    citations = [item.to_dict() for item in cited(supports, quotes, chunks)]
    update = _update(state, text, citations, usage)
    if seconds_left(state, deps.budget) <= 0:
        update |= {"verdict": "partial", "reason": "out_of_budget"}
    detail = {
        "drafted": bool(draft),
        "draft": draft,
        "claims": len(claims),
        "kept": 0 if extractive else len(supports),
        "quoted_instead": extractive,
    }
    return update, detail | ({"problem": problem} if problem else {})


def prompt(question: str, notes: Sequence[str], images: Sequence[ImagePart] = ()) -> list[Message]:
    """Instructions, the notes, the question: the layout of this stage, so that what is shared most stands in front."""
    numbered = "\n".join(f"[{i}] {' '.join(note.split())}" for i, note in enumerate(notes, 1))
    return [*layout("answer").messages({"notes": numbered, "question": question}, images)]


async def _draft(
    state: AgentState, deps: Deps, quotes: Sequence[QuoteRef], chunks: dict[str, Chunk]
) -> tuple[str, Usage, str | None]:
    """A draft, its cost, and what went wrong. Without time or model the evidence still answers, quoted."""
    left = seconds_left(state, deps.budget)
    if left <= 0:
        return "", Usage(), "no time left to write"
    notes = [_note(quote, chunks[quote["chunk_id"]]) for quote in quotes]
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


def _note(quote: QuoteRef, chunk: Chunk) -> str:
    what = {"image": "Picture", "film": "Film"}.get(chunk.kind, "Document")
    label = f"{what} {chunk.title!r}" if chunk.title else what
    where = f" at {describe(chunk.locator)}" if chunk.kind == "film" else ""
    return f"{label}{where}: {quote_text(quote, chunk)}"


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


def _verbatim(quotes: Sequence[QuoteRef], chunks: dict[str, Chunk], texts: Sequence[str]) -> Support:
    """The best evidence in its own words, when no sentence of the draft stands."""
    chunk = chunks[quotes[0]["chunk_id"]]
    if quotes[0]["end"]:
        # The citation keeps the very words; the sentence a person reads goes without heading and table marks.
        headed = _HEADING.sub(r"\1: ", texts[0])
        return Support(claim=" ".join(_MARKUP.sub(" ", headed).split()), quotes=(0,))
    return Support(claim=f"Closest is {chunk.path.rsplit('/', 1)[-1]}: {texts[0]}.", quotes=(0,))


def _nothing(state: AgentState) -> str:
    looked = "; ".join(f"{query!r}" for query in state["searched"])
    where = f" (filters: {state['filters']})" if state.get("filters") else ""
    if state["reason"] == "out_of_budget":
        return f"I ran out of time before I found evidence. Looked for {looked}{where}."
    return f"I cannot tell: nothing in this collection answers it. Looked for {looked}{where}."


def _update(state: AgentState, text: str, citations: list[dict[str, Any]], usage: Usage) -> AgentState:
    turns = [*state.get("turns", []), Turn(question=state["question"], answer=text)][-_TURNS:]
    return {"text": text, "citations": citations, "turns": turns, "usage": (usage_of(state) + usage).to_dict()}
