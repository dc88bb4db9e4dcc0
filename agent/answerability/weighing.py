"""All signals of one question, and of its options the one that would be chosen."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from foveate.agent.answerability.signals import EVIDENCE, evidence_signals
from foveate.agent.choosing.options import Option
from foveate.agent.choosing.scoring import SIGNALS as OPTIONS
from foveate.agent.choosing.scoring import Scored, score
from foveate.agent.citations import quote_text
from foveate.agent.deps import Deps
from foveate.agent.outcome import outcome_of
from foveate.agent.state import AgentState
from foveate.agent.visual.names import asks_what
from foveate.retrievers.alignment.features import OPTION, Alignment
from foveate.retrievers.alignment.features import SIGNALS as ALIGNMENT
from foveate.retrievers.geometry.geometry import SIGNALS as GEOMETRY

__all__ = ["HEAD", "SIGNALS", "Weighed", "log_odds", "weigh"]

HEAD = {
    "head_answerable": "the alignment head's log-odds that an option is right",
    "head_absent": "its log-odds that the right one is not among them",
    "head_incompatible": "its log-odds that question, options and picture do not go together",
}
SIGNALS: Mapping[str, str] = {**EVIDENCE, **GEOMETRY, **ALIGNMENT, **HEAD, **OPTIONS}
"""Every signal that a judge may weigh -> what it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """One question."""

    signals: dict[str, float]
    """Known ones of :data:`SIGNALS`."""
    choice: int | None = None
    """Option that would be chosen; None without options, or where nothing speaks for one."""
    chances: tuple[float, ...] = ()


async def weigh(state: AgentState, deps: Deps) -> Weighed:
    """Signals of a question whose steps are taken.

    Evidence signals need nothing but the state; those of pictures and geometry need ``deps.senses``.
    """
    return await asyncio.to_thread(_weigh, state, deps)


def _weigh(state: AgentState, deps: Deps) -> Weighed:
    wanted = [ref["chunk_id"] for ref in state.get("evidence", [])]
    outcome = outcome_of(state)
    chunks = {chunk.id: chunk for chunk in deps.chunks([*wanted, *(quote["chunk_id"] for quote in outcome.quotes)])}
    signals = evidence_signals(state, chunks)
    options = [Option(**option) for option in state.get("options", [])]
    aligned = _aligned(state, options, deps)
    signals |= _of_pictures(aligned, deps) | _geometry(state, aligned, deps)
    if not options:
        return Weighed(signals=_known(signals))
    texts = [quote_text(quote, chunks[quote["chunk_id"]]) for quote in outcome.quotes if quote["chunk_id"] in chunks]
    scored = _scored(state, options, outcome.short, texts, aligned, deps)
    return Weighed(signals=_known({**signals, **scored.signals}), choice=scored.choice, chances=scored.chances)


def _aligned(state: AgentState, options: Sequence[Option], deps: Deps) -> Alignment | None:
    """The question's first picture with the question and its options."""
    if deps.senses is None or not state.get("images"):
        return None
    aligner = deps.senses.aligner
    texts = [option.text for option in options if not option.none]
    return aligner.of(aligner.look(deps.load(state["images"][0])), state["whole"], texts)


def _of_pictures(aligned: Alignment | None, deps: Deps) -> dict[str, float]:
    if aligned is None or deps.senses is None:
        return {}
    head = deps.senses.head
    said = head(aligned) if head is not None else {}
    return aligned.signals() | {f"head_{name}": log_odds(chance) for name, chance in said.items()}


def _geometry(state: AgentState, aligned: Alignment | None, deps: Deps) -> dict[str, float]:
    if deps.senses is None:
        return {}
    picture = aligned.picture[0] if aligned is not None and aligned.picture is not None else None
    return deps.senses.geometry.signals(deps.encoder.encode_text([state["whole"]])[0], picture)


def _scored(
    state: AgentState,
    options: Sequence[Option],
    short: str,
    texts: Sequence[str],
    aligned: Alignment | None,
    deps: Deps,
) -> Scored:
    column = OPTION.index("z")
    shown = {} if aligned is None else dict(zip(aligned.options, aligned.scalars[:, column].tolist(), strict=True))
    if shown and not np.isfinite([*shown.values()]).all():
        # An encoder without a vocabulary: its cosines, at the scale of CLIP's logits.
        assert aligned is not None
        shown = dict(zip(aligned.options, (100.0 * aligned.scalars[:, OPTION.index("cosine")]).tolist(), strict=True))
    asks_shown = bool(state.get("images")) and asks_what(state["whole"])
    return score(state["whole"], options, deps.encoder, short=short, texts=texts, shown=shown, asks_shown=asks_shown)


def _known(signals: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in signals.items() if not math.isnan(value)}


def log_odds(chance: float) -> float:
    """Of a probability, no further than 1 in 10,000; NaN stays."""
    if math.isnan(chance):
        return chance
    inner = min(max(chance, 1e-4), 1.0 - 1e-4)
    return math.log(inner / (1.0 - inner))
