"""plan: the question becomes steps. A follow-up is completed from the thread first."""

import re
import time
from typing import Any

from langgraph.runtime import Runtime

from foveate.agent.deps import Deps
from foveate.agent.nodes.stage import staged
from foveate.agent.state import AgentState, Turn
from foveate.records import Modality

__all__ = ["plan"]

_POINTS_BACK = re.compile(r"\b(it|its|they|them|their|he|she|his|her|that one|those|the same|there)\b", re.IGNORECASE)
_IMAGE = re.compile(r"\b(picture|photo|photograph|image|drawing|painting)s?\b", re.IGNORECASE)
_FILM = re.compile(r"\b(film|video|movie|clip|scene)s?\b", re.IGNORECASE)
_BREAK = re.compile(r"(?<=[?;])\s+")


@staged("plan")
async def plan(state: AgentState, runtime: Runtime[Deps]) -> tuple[AgentState, dict[str, Any]]:
    """One step for each sentence that asks; each goes to the modality it names."""
    whole = complete(state["question"], state.get("turns", []))
    # A completed follow-up stays in one piece: its halves only make sense together.
    pieces = [whole] if whole != state["question"] else _BREAK.split(whole)
    parts = [part.strip() for part in pieces if part.strip()]
    steps: list[dict[str, Any]] = [
        {"id": f"s{i}", "query": part, "modality": modality(part), "after": []} for i, part in enumerate(parts, 1)
    ]
    fresh: AgentState = {
        "started_s": time.monotonic(),
        "steps": steps,
        "queries": [str(step["query"]) for step in steps],
        "searched": [],
        "hop": 0,
        "evidence": [],
        "quotes": [],
        "again": False,
        "text": "",
        "citations": [],
        "verdict": "unanswerable",
        "reason": "no_evidence",
        "confidence": 0.0,
        "usage": {},
        "trace": [],
    }
    return fresh, {"steps": steps, "completed": whole != state["question"]}


def complete(question: str, turns: list[Turn]) -> str:
    """A question that points back gets the one before it in front, so that search knows what "it" is."""
    if turns and _POINTS_BACK.search(question):
        return f"{turns[-1]['question']} {question}"
    return question


def modality(text: str) -> Modality:
    """The modality a question names, ``any`` when it names none or both."""
    image, film = bool(_IMAGE.search(text)), bool(_FILM.search(text))
    if image == film:
        return "any"
    return "image" if image else "film"
