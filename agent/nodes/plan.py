"""plan: the question becomes steps. A follow-up is completed from the thread first."""

import asyncio
import re
import time
from dataclasses import asdict, replace
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from foveate.agent.choosing.options import parse
from foveate.agent.deps import Deps
from foveate.agent.nodes.stage import staged
from foveate.agent.state import AgentState, Turn
from foveate.agent.visual.names import asks_what
from foveate.records import Modality
from foveate.rerankers.reasoning.planner import Planned, Planner
from foveate.rerankers.reasoning.plans import Kind, Plan, Step, plain
from foveate.rerankers.reasoning.quotes import shorten
from foveate.usage import Usage

__all__ = ["complete", "modality", "plan", "route_of", "rule_plan"]

_POINTS_BACK = re.compile(
    # "How many are there?" names no place, "Who lives there?" does.
    r"\b(it|its|they|them|their|he|she|his|her|that one|those|the same"
    r"|(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )there)\b",
    re.IGNORECASE,
)
_IMAGE = re.compile(r"\b(picture|photo|photograph|image|drawing|painting)s?\b", re.IGNORECASE)
_FILM = re.compile(r"\b(film|video|movie|clip|scene)s?\b", re.IGNORECASE)
_COUNT = re.compile(
    r"^\s*(how many|count( all)?( the)?|what is the number of)\s+"
    # No pages: how many a report has stands in the report, and is no count over the collection.
    r"(\w+\s+)?(picture|photo|photograph|image|drawing|painting|film|video|movie|clip|document|file)s\b",
    re.IGNORECASE,
)
_POINTS_AT = re.compile(r"\b(this|these|that|those|here|shown|picture|photo|photograph|image|drawing)\b", re.IGNORECASE)
_BREAK = re.compile(r"(?<=[?;])\s+")
_RULED_STEPS = 8
_PLANNING = 0.5
"""Share of the question's time that planning may take: a slow planner leaves enough for one plain look."""


@staged("plan", first=True)
async def plan(state: AgentState, runtime: Runtime[Deps]) -> tuple[AgentState, dict[str, Any]]:
    """Steps by the reasoner where there is one and the question may need several; else one for each that asks."""
    deps, started = runtime.context, time.monotonic()
    asked = parse(state["question"])
    whole = complete(asked.question, state.get("turns", []))
    completed = whole != asked.question
    ruled = rule_plan(whole, completed)
    pictures = len(state.get("images", []))
    # What the rules see at a glance is not left to a model: counts over the collection, questions side by side.
    simple = len(ruled.steps) > 1 or ruled.steps[0].kind == "count" or (pictures > 0 and asks_what(whole))
    if deps.reasoner is None or deps.planning == "rules" or simple:
        made = Planned(plan=ruled, usage=Usage())
    else:
        made = await _by_model(deps, whole, pictures)
        if made.problem or (len(made.plan.steps) == 1 and made.plan.steps[0].kind not in ("picture", "count")):
            made = Planned(plan=ruled, usage=made.usage, problem=made.problem, reply=made.reply)
    if pictures and deps.reasoner is not None and deps.planning == "model":
        made = replace(made, plan=_looking(made.plan))
    steps = [
        {"id": step.id, "kind": step.kind, "query": step.query, "after": list(step.after)} for step in made.plan.steps
    ]
    route = route_of(made.plan)
    detail: dict[str, Any] = {"steps": steps, "route": route, "completed": completed}
    if made.problem:
        detail |= {"problem": made.problem, "reply": made.reply}
    fresh = _fresh(started, whole, route, steps, made.usage)
    return {**fresh, "options": [asdict(option) for option in asked.options]}, detail


def _looking(made: Plan) -> Plan:
    """Who brings a picture asks about it: a first step that points at something, or the only one, looks at it."""
    alone = len(made.steps) == 1
    return Plan(
        steps=tuple(
            replace(step, kind="picture")
            if step.kind in ("any", "image") and not step.after and (alone or _POINTS_AT.search(step.query))
            else step
            for step in made.steps
        )
    )


async def _by_model(deps: Deps, whole: str, pictures: int) -> Planned:
    assert deps.reasoner is not None
    try:
        async with asyncio.timeout(_PLANNING * deps.budget.seconds):
            return await Planner(deps.reasoner).plan(whole, pictures=pictures)
    except TimeoutError:
        return Planned(plan=plain(whole), usage=Usage(), problem="the planner ran out of time")


def _fresh(started_s: float, whole: str, route: str, steps: list[dict[str, Any]], usage: Usage) -> AgentState:
    """State at the beginning of a question: what a thread keeps of the last one is not merged with it."""
    empty: dict[str, Any] = {
        "answers": Overwrite({}),
        "searched": Overwrite([]),
        "evidence": Overwrite([]),
        "quotes": Overwrite([]),
    }
    return {
        "started_s": started_s,
        "whole": shorten(whole),
        "route": route,
        "steps": steps,
        "text": "",
        "short": "",
        "citations": [],
        "verdict": "unanswerable",
        "reason": "no_evidence",
        "confidence": 0.0,
        "judgement": {},
        "choice": None,
        "usage": usage.to_dict(),
        **empty,  # type: ignore[typeddict-item]  # LangGraph takes an Overwrite for any value
    }


def rule_plan(question: str, one_piece: bool) -> Plan:
    """A step for each sentence that asks, of the modality it names.

    What is longer than a question loses its middle. A text of many sentences that ask is taken as one question:
    mostly pasted, and nobody knows which of them is meant.

    Args:
        question: in plain words.
        one_piece: a completed follow-up: its halves only make sense together.
    """
    pieces = [question] if one_piece else _BREAK.split(question)
    parts = list(dict.fromkeys(shorten(part) for part in pieces if part.strip()))
    if len(parts) > _RULED_STEPS:
        parts = [shorten(question)]
    if len(parts) == 1:
        return plain(parts[0], kind_of(parts[0]))
    steps = [plain(part, kind_of(part)).steps[0] for part in parts]
    return Plan(steps=tuple(Step(id=i, kind=step.kind, query=step.query) for i, step in enumerate(steps, 1)))


def route_of(made: Plan) -> str:
    """What kind of question this is, for the trace."""
    kinds = {step.kind for step in made.steps}
    if "count" in kinds:
        return "collection"
    if len(made.steps) > 1 and any(step.after for step in made.steps):
        return "multi_hop"
    if "picture" in kinds:
        return "picture"
    if len(made.steps) > 1:
        return "multi_hop"
    return {"image": "picture", "film": "film"}.get(made.steps[0].kind, "single_hop")


def complete(question: str, turns: list[Turn]) -> str:
    """A question that points back gets the one before it in front, so that search knows what "it" is."""
    if turns and _POINTS_BACK.search(question):
        return f"{turns[-1]['question']} {question}"
    return question


def kind_of(text: str) -> Kind:
    """What a step asks of: the whole collection where it counts its media, else the modality it names."""
    return "count" if _COUNT.search(text) else modality(text)


def modality(text: str) -> Modality:
    """The modality a question names, ``any`` when it names none or both."""
    image, film = bool(_IMAGE.search(text)), bool(_FILM.search(text))
    if image == film:
        return "any"
    return "image" if image else "film"
