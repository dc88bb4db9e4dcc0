"""Signals of the items, by the agent's own nodes, with what answering would have come to.

Options change nothing before the judge: the items of a pair that share question and picture are asked once, and weighed
with each one's own options. What the reader answered is remembered in a file, so that an interrupted run goes on.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from foveate.agent.answerability.weighing import weigh
from foveate.agent.asking import checked
from foveate.agent.choosing.options import parse
from foveate.agent.choosing.written import with_options
from foveate.agent.citations import note_of
from foveate.agent.deps import Deps
from foveate.agent.graph import build_graph
from foveate.agent.outcome import outcome_of
from foveate.agent.sdk import Agent
from foveate.agent.showing import describe
from foveate.agent.state import AgentState
from foveate.evals.metrics.answers import exact_match

__all__ = ["Gathered", "gather"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """One item, weighed."""

    id: str
    group: str
    pair: str
    form: str
    setting: str
    source: str
    question: str
    """With its options, as it was asked."""
    signals: dict[str, float]
    answerable: bool
    reason: str
    """Right reason of an abstention; ``none`` where it can be answered."""
    choice: int | None
    """Option that would have been chosen."""
    short: str
    notes: list[str]
    """What was read, as models are told it: for what else is to be compared on the same evidence."""
    right: bool
    """Whether that, or the short answer, is right; False of everything that cannot be answered."""

    @property
    def outcome(self) -> str:
        """What the combiner is to tell: ``right``, ``wrong``, or the reason."""
        return ("right" if self.right else "wrong") if self.answerable else self.reason


def gather(
    agent: Agent,
    items: Sequence[Mapping[str, Any]],
    out: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Gathered]:
    """Weigh items on one collection; those that ``out`` holds are read from there.

    Args:
        agent: of the collection that the items are asked of.
        items: rows of ``items.jsonl``.
        out: JSON lines, added to.
        progress: called with how many are done, of how many.
    """
    known = {one.id: one for one in read(out)}
    wanted = [item for item in items if item["id"] not in known]
    asked: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for item in wanted:
        asked.setdefault((item["question"], item["picture"] or ""), []).append(item)
    with out.open("a", encoding="utf-8") as file:
        if out.stat().st_size and not out.read_bytes().endswith(b"\n"):
            file.write("\n")  # a line that was cut off must not take the next one with it

        def keep(rows: Sequence[Gathered]) -> None:
            known.update((row.id, row) for row in rows)
            file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
            file.flush()
            progress(sum(item["id"] in known for item in items), len(items))

        asyncio.run(_all(agent, asked, keep))
    return [known[item["id"]] for item in items]


def read(path: Path) -> list[Gathered]:
    """Rows of a file; none where there is none. A last line that was cut off is left out."""
    rows = []
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            rows.append(Gathered(**json.loads(line)))
        except ValueError:
            _LOG.info("%s: a line was cut off", path)
    return rows


async def _all(
    agent: Agent,
    asked: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]],
    keep: Callable[[Sequence[Gathered]], None],
) -> None:
    deps, graph = agent.parts(), build_graph(judged=False)
    for (question, picture), group in asked.items():
        begun = checked(question, [picture] if picture else [], "")
        state = cast("AgentState", await graph.ainvoke(begun, context=deps))
        notes = await asyncio.to_thread(_notes, state, deps)
        keep([await _one(deps, state, notes, item) for item in group])


def _notes(state: AgentState, deps: Deps) -> list[str]:
    """What a model that cannot see is told: the quotes, and the question's pictures in words."""
    quotes = outcome_of(state).quotes
    chunks = {chunk.id: chunk for chunk in deps.chunks([quote["chunk_id"] for quote in quotes])}
    told = describe(deps.encoder, [deps.load(path) for path in state.get("images", [])])
    pictures = [f"The picture of the question: {words}" for words in told]
    return [*pictures, *(note_of(quote, chunks[quote["chunk_id"]]) for quote in quotes if quote["chunk_id"] in chunks)]


async def _one(deps: Deps, state: AgentState, notes: list[str], item: Mapping[str, Any]) -> Gathered:
    written = with_options(item["question"], item["options"]) if item["options"] else item["question"]
    options = [asdict(option) for option in parse(written).options]
    weighed = await weigh(cast("AgentState", {**state, "options": options}), deps)
    short = outcome_of(state).short
    if item["options"]:
        right = weighed.choice == item["choice"]
    else:
        right = bool(exact_match(short, item["answers"])) if item["answers"] else False
    return Gathered(
        id=item["id"],
        group=item["group"],
        pair=item["pair"],
        form=item["form"],
        setting=item["setting"],
        source=item["source"],
        question=written,
        signals=weighed.signals,
        answerable=item["answerable"],
        reason=item["reason"],
        choice=weighed.choice,
        short=short,
        notes=notes,
        right=right and item["answerable"],
    )
