"""What the steps of a plan came to, all together."""

from dataclasses import dataclass

from foveate.agent.nodes.step import OUT_OF_BUDGET
from foveate.agent.routes import plan_of
from foveate.agent.state import AgentState, QuoteRef, StepAnswer
from foveate.records import Reason, Verdict
from foveate.rerankers.reasoning.plans import Plan

__all__ = ["Outcome", "outcome_of", "way_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Of a whole question."""

    short: str
    """The short answers of all steps that answer it; empty when one of them has none."""
    chain: tuple[tuple[str, str], ...]
    """(sub-question, its answer) on the way there, in order."""
    carrying: tuple[QuoteRef, ...]
    """The quote that carries each of them; of contradicted ones both sides."""
    quotes: tuple[QuoteRef, ...]
    """All that was read, what carries first."""
    verdict: Verdict
    reason: Reason
    confidence: float
    counted: bool
    """The answer is a number that code counted, or what code compared."""
    out_of_budget: bool


def outcome_of(state: AgentState) -> Outcome:
    """Join the steps.

    The steps that nothing waits for answer the question; where the plan failed and the question itself was asked
    instead, that one does.
    """
    plan = plan_of(state)
    answers = {int(name): answer for name, answer in state.get("answers", {}).items()}
    ends = _ends(plan, state)
    kinds = {step.id: step.kind for step in plan.steps}
    way = way_of(state)
    taken = [answer for _, answer in way]
    done = [answers[end]["text"] for end in ends if end in answers]
    short = "; ".join(done) if len(done) == len(ends) and all(done) else ""
    out = any(one["problem"] == OUT_OF_BUDGET for one in answers.values())
    conflict = any(one["conflicts"] for one in taken)
    carrying = _carrying(taken, [kinds[step] for step, _ in way])
    read = [*carrying, *(quote for one in taken for quote in one["quotes"]), *state.get("quotes", [])]
    verdict, reason = _verdict(bool(read) or bool(short), out, conflict, _broken(plan, answers, ends))
    return Outcome(
        short=short,
        chain=tuple((one["query"], one["text"]) for one in taken),
        carrying=tuple(carrying),
        quotes=tuple(_distinct(read)),
        verdict=verdict,
        reason=reason,
        confidence=min((one["confidence"] for one in taken), default=0.0),
        counted=any(kinds[end] in ("count", "most", "least") for end in ends),
        out_of_budget=out,
    )


def way_of(state: AgentState) -> list[tuple[int, StepAnswer]]:
    """The steps that were taken on the way to the answer, with what they came to, in the plan's order."""
    plan = plan_of(state)
    answers = state.get("answers", {})
    return [(step, answers[str(step)]) for step in _way(plan, _ends(plan, state)) if str(step) in answers]


def _ends(plan: Plan, state: AgentState) -> list[int]:
    instead = [step["id"] for step in state["steps"] if step.get("instead")]
    if instead:
        return instead
    needed = {need for step in plan.steps for need in step.after}
    return [step.id for step in plan.steps if step.id not in needed]


def _way(plan: Plan, ends: list[int]) -> list[int]:
    """The steps that the ends rest on, themselves included, in the plan's order."""
    wanted = set(ends)
    for step in reversed(plan.steps):
        if step.id in wanted:
            wanted |= set(step.after)
    return [step.id for step in plan.steps if step.id in wanted]


def _broken(plan: Plan, answers: dict[int, StepAnswer], ends: list[int]) -> bool:
    """A chain that did not come to its end, although its beginning was found; or one of several questions failed."""
    if any(step.after for step in plan.steps):
        return any(end not in answers or not answers[end]["text"] for end in ends)
    # Without a reading model no step has a short answer; quotes are what it found then.
    return any(end not in answers or not (answers[end]["text"] or answers[end]["quotes"]) for end in ends)


def _verdict(found: bool, out: bool, conflict: bool, broken: bool) -> tuple[Verdict, Reason]:
    if not found:
        return "unanswerable", OUT_OF_BUDGET if out else "no_evidence"  # type: ignore[return-value]  # a Reason
    if out:
        return "partial", "out_of_budget"
    if conflict:
        return "partial", "conflicting"
    return ("partial", "no_evidence") if broken else ("answered", "none")


def _carrying(taken: list[StepAnswer], kinds: list[str]) -> list[QuoteRef]:
    """What carries an answer and what says otherwise; of a count, all that is shown of what was counted."""
    found = []
    for one, kind in zip(taken, kinds, strict=True):
        if one["text"] and one["quotes"]:
            found += [*(one["quotes"] if kind == "count" else one["quotes"][:1]), *one["conflicts"]]
    return _distinct(found)


def _distinct(quotes: list[QuoteRef]) -> list[QuoteRef]:
    seen: dict[tuple[str, int, int], QuoteRef] = {}
    for quote in quotes:
        seen.setdefault((quote["chunk_id"], quote["start"], quote["end"]), quote)
    return list(seen.values())
