"""step: one sub-question. Gather evidence, read it, and say what it came to in as few words as possible."""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from langgraph.runtime import Runtime

from foveate.agent.budget import deadline, rounds, seconds_left
from foveate.agent.citations import note_of, quote_text
from foveate.agent.conflicts import conflicting
from foveate.agent.deps import Deps
from foveate.agent.multihop.protocols import Found, Gathered, Strategy, Tools
from foveate.agent.multihop.single import SingleShot
from foveate.agent.multihop.table import open_strategy
from foveate.agent.nodes.comparing import compare
from foveate.agent.nodes.counting import count
from foveate.agent.nodes.stage import Log
from foveate.agent.reading.sentences import RELEVANT, Read, read_facts, read_sentences
from foveate.agent.showing import part_of
from foveate.agent.state import AgentState, EvidenceRef, QuoteRef, StepAnswer, StepState
from foveate.errors import CallerError, ModelError, ServiceError
from foveate.memory.filters import Filter, parse
from foveate.records import Chunk
from foveate.rerankers.reasoning.reader import Short, holds, read_short
from foveate.usage import Usage

__all__ = ["OUT_OF_BUDGET", "step", "tools_of"]

OUT_OF_BUDGET = "out_of_budget"
_WHERE = {"image": "kind:image", "film": "kind:film", "text": "kind:document"}
_LOG = logging.getLogger(__name__)
_MATCHES = "one of those counted"


async def step(state: StepState, runtime: Runtime[Deps]) -> AgentState:
    """Take one step of the plan."""
    deps = runtime.context
    log = Log(deps)
    if state["step"]["kind"] in ("most", "least"):
        return _compared(state, log)
    allowed = rounds(deps.budget, state["used"], state["after"], alone=state["alone"])
    if not allowed or seconds_left(state["started_s"], deps.budget) <= 0:
        return _update(state, _answer(state, problem=OUT_OF_BUDGET), log, Usage())
    tools = await asyncio.to_thread(tools_of, state, deps, allowed)
    if state["step"]["kind"] == "count":
        return await _counted(state, tools, log)
    return await _looked_up(state, tools, deps, log)


def tools_of(state: StepState, deps: Deps, hops: int) -> Tools:
    """What a strategy may use for this step."""
    pictures = tuple(deps.load(path) for path in state["images"])
    return Tools(
        store=deps.store,
        encoder=deps.encoder,
        searcher=deps.searcher,
        reranker=deps.reranker,
        model=deps.reasoner or deps.model,
        budget=deps.budget.model_copy(update={"hops": hops}),
        where=_where(state["filters"], state["step"]["kind"]),
        # What a step asks about an answer is not in the picture any more.
        pictures=pictures if not state["step"]["after"] else (),
        parts=tuple(part_of(picture) for picture in pictures) if not state["step"]["after"] else (),
        deadline_s=deadline(state["started_s"], deps.budget),
        look=deps.look,
    )


def _where(filters: str, kind: str) -> Filter | None:
    text = " ".join(filter(None, (filters, _WHERE.get(kind, ""))))
    return parse(text) if text else None


async def _looked_up(state: StepState, tools: Tools, deps: Deps, log: Log) -> AgentState:
    query, number = state["query"], int(state["step"]["id"])
    strategy: Strategy = open_strategy("visual") if state["step"]["kind"] == "picture" else deps.strategy
    with log.stage("gather") as detail:
        gathered, problem = await _gathered(strategy, query, tools)
        detail |= {
            "step": number,
            "query": query,
            "strategy": strategy.name,
            "reranker": tools.reranker.name,
            "hops": [hop.to_dict() for hop in gathered.hops],
            "top": [_shown(one) for one in gathered.found[:10]],
            "ended": gathered.ended,
        } | ({"problem": problem} if problem else {})
    with log.stage("read") as detail:
        read = await _read(query, gathered, number, deps, tools)
        answer, usage, refused = await _short(state, read, gathered, deps)
        detail |= {
            "step": number,
            "quotes": [dict(quote) for quote in read.quotes],
            "pictures_told_in_words": read.told,
            "answer": answer["text"],
            "problem": answer["problem"],
        }
        detail |= {name: said for name, said in (("refused", refused), ("failed", read.failed)) if said}
    spent = gathered.usage + read.usage + usage + Usage(hops=len(gathered.hops))
    update = _update(state, answer, log, spent)
    searched = [text for hop in gathered.hops for text in hop.queries]
    return {
        **update,
        "searched": searched or [query],
        "evidence": [_reference(one, number) for one in gathered.found[: deps.budget.candidates]],
        "quotes": list(read.quotes),
    }


async def _gathered(strategy: Strategy, query: str, tools: Tools) -> tuple[Gathered, str]:
    """What a strategy finds, and what its model failed with: then one search without a model."""
    try:
        return await strategy.gather(query, tools), ""
    except (ModelError, ServiceError) as error:
        return await SingleShot().gather(query, tools), f"{type(error).__name__}: {error}"


async def _read(query: str, gathered: Gathered, number: int, deps: Deps, tools: Tools) -> Read:
    if gathered.quoted:
        return read_facts(gathered.quoted, gathered.found, number)
    if deps.reading == "margins" and deps.reasoner is not None:
        from foveate.agent.reading.margins import read_margins

        return await read_margins(query, gathered.found, number, deps, tools.deadline_s)
    return await read_sentences(query, gathered.found, number, deps)


async def _short(state: StepState, read: Read, gathered: Gathered, deps: Deps) -> tuple[StepAnswer, Usage, str]:
    """The step's answer, its cost, and what the model said that no note holds."""
    best = max((one.score for one in gathered.found), default=0.0)
    chunks = {one.chunk.id: one.chunk for one in gathered.found}
    quotes = [quote for quote in read.quotes if quote["chunk_id"] in chunks]
    used = state["used"] + len(gathered.hops)
    if not quotes:
        return _answer(state, problem="no evidence", confidence=best, rounds=used), Usage(), ""
    plain = _answer(state, quotes=quotes, confidence=best, rounds=used)
    if deps.reasoner is None:
        return plain, Usage(), ""
    notes = [note_of(quote, chunks[quote["chunk_id"]]) for quote in quotes]
    try:
        async with asyncio.timeout(max(seconds_left(state["started_s"], deps.budget), 0.01)):
            short = await read_short(deps.reasoner, state["query"], notes)
    except TimeoutError:
        return {**plain, "problem": OUT_OF_BUDGET}, Usage(), ""
    except (ModelError, ServiceError, CallerError) as error:
        return {**plain, "problem": f"{type(error).__name__}: {error}"}, Usage(), ""
    chance = None if math.isnan(short.probability) else short.probability
    texts = [quote_text(quote, chunks[quote["chunk_id"]]) for quote in quotes]
    note = short.note if short.note is None else _holder(short, quotes, texts, chunks)
    if note is None:
        said = short.refused or short.text
        problem = "the answer is not in the evidence" if said else "no note answers it"
        return {**plain, "probability": chance, "problem": problem}, short.usage, said
    order = [note, *(i for i in range(len(quotes)) if i != note)]
    carrying, texts = [quotes[i] for i in order], [texts[i] for i in order]
    against, spent = await _against(state, deps, short.text, carrying, texts)
    found: StepAnswer = {**plain, "text": short.text, "probability": chance, "quotes": carrying, "conflicts": against}
    return found, short.usage + spent, ""


def _holder(short: Short, quotes: Sequence[QuoteRef], texts: Sequence[str], chunks: Mapping[str, Chunk]) -> int | None:
    """The quote that holds the answer in its own words or its title: the label of a note is ours, no evidence."""
    titles = [chunks[quote["chunk_id"]].title or "" for quote in quotes]
    held = [i for i, text in enumerate(texts) if holds(text, short.text) or holds(titles[i], short.text)]
    return short.note if short.note in held else next(iter(held), None)


async def _against(
    state: StepState, deps: Deps, answer: str, carrying: list[QuoteRef], texts: list[str]
) -> tuple[list[QuoteRef], Usage]:
    """What says otherwise; nothing where the model cannot weigh words or time is over."""
    if deps.reasoner is None or seconds_left(state["started_s"], deps.budget) <= 0:
        return [], Usage()
    try:
        async with asyncio.timeout(max(seconds_left(state["started_s"], deps.budget), 0.01)):
            return await conflicting(deps.reasoner, state["query"], answer, carrying, texts)
    except (TimeoutError, ModelError, ServiceError, CallerError) as error:
        _LOG.info("conflicts were not looked for: %s", error or "out of time")
        return [], Usage()


async def _counted(state: StepState, tools: Tools, log: Log) -> AgentState:
    with log.stage("count") as detail:
        counted = await count(state["query"], tools, RELEVANT)
        detail |= {"step": state["step"]["id"], "query": state["query"], "count": counted.number}
    step_id = int(state["step"]["id"])
    quotes = [
        QuoteRef(chunk_id=one.chunk.id, start=0, end=len(one.chunk.text or ""), words=_MATCHES, step=step_id)
        for one in counted.found[: tools.budget.evidence]
    ]
    known = {"text": str(counted.number), "confidence": counted.confidence}
    answer = _answer(state, **known, quotes=quotes, rounds=state["used"] + 1)
    update = _update(state, answer, log, Usage(hops=1))
    refs = [_reference(one, step_id) for one in counted.found[: tools.budget.candidates]]
    return {**update, "searched": [state["query"]], "evidence": refs, "quotes": quotes}


def _compared(state: StepState, log: Log) -> AgentState:
    with log.stage("compare") as detail:
        kind: Literal["most", "least"] = state["step"]["kind"]
        found = compare(kind, state["query"].split(";"), state["options"])
        number = state["step"]["id"]
        detail |= {"step": number, "options": list(found.options), "numbers": list(found.numbers)}
        if not found.best:
            answer = _answer(state, problem="not all of what is compared are numbers")
        elif len(found.best) > 1 and state["after"]:
            answer = _answer(state, problem="they are equal")  # nothing more can be asked of "the larger one"
        else:
            equal = " (equal)" if len(found.best) > 1 else ""
            answer = _answer(state, text=" and ".join(found.best) + equal, confidence=1.0)
        detail["answer"] = answer["text"]
    return _update(state, answer, log, Usage())


def _answer(state: StepState, **values: Any) -> StepAnswer:
    empty = StepAnswer(
        query=state["query"],
        text="",
        probability=None,
        confidence=0.0,
        quotes=[],
        conflicts=[],
        rounds=state["used"],
        problem="",
    )
    return {**empty, **values}  # type: ignore[typeddict-item]  # only its own keys are given


def _update(state: StepState, answer: StepAnswer, log: Log, spent: Usage) -> AgentState:
    return {
        "answers": {str(state["step"]["id"]): answer},
        "usage": log.usage(spent),
        "trace": log.trace,
    }


def _reference(one: Found, number: int) -> EvidenceRef:
    stages = {hit.stage: [hit.score, float(hit.rank)] for hit in one.hits}
    return EvidenceRef(chunk_id=one.chunk.id, score=one.score, stages=stages, hop=one.hop, step=number)


def _shown(one: Found) -> dict[str, Any]:
    return {
        "chunk_id": one.chunk.id,
        "path": one.chunk.path,
        "score": round(one.score, 4),
        "hop": one.hop,
        "stages": {hit.stage: round(hit.score, 4) for hit in one.hits},
    }
