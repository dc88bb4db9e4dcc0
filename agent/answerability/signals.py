"""What the evidence of a question says about whether it can be answered: numbers, each in words a person can check.

Unknown is left out, never 0: a question that names nothing has no share of names that the evidence holds.
"""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from foveate.agent.citations import quote_text
from foveate.agent.outcome import way_of
from foveate.agent.state import AgentState, EvidenceRef, StepAnswer
from foveate.records import Chunk
from foveate.rerankers.sentences import content_words, coverage

__all__ = ["EVIDENCE", "evidence_signals", "named_in"]

EVIDENCE = {
    "steps": "steps on the way to the answer",
    "pictures": "pictures of the question",
    "relevance": "probability that the weakest step's best evidence is relevant",
    "relevance_gap": "log-odds of the last step's best evidence less those of the next",
    "relevance_entropy": "how evenly the last step's ten best share their relevance, 0 to 1",
    "relevant": "log of 1 + the last step's pieces that are more likely relevant than not",
    "unlike_text": "standard deviations by which the best text exceeds unrelated ones",
    "unlike_image": "the same of the best picture",
    "recognised": "probability of what a picture of the question was recognised as",
    "read": "1 where a short answer was read, 0 where the reader found none",
    "read_log_probability": "the reader's own, of the least sure step",
    "refused": "1 where the reader said what no note holds",
    "names_held": "share of a step's names and numbers that the carrying piece holds, least of all steps",
    "names_together": "the largest share of the question's names and numbers in one piece of evidence",
    "names_known": "share of the question's names and numbers that stand anywhere in the evidence",
    "words_held": "share of a step's content words in the quote that carries it, least of all steps",
    "words_near": "share of them in the whole piece that carries it, least of all steps",
    "conflicts": "1 where evidence says otherwise",
    "question_words": "log of 1 + content words of the question",
}
"""Signal -> what it is, for the trace and the documentation."""
_NAME = re.compile(r"\b[A-Z][^\W\d_]+(?:(?:-|'(?!s\b))[^\W\d_]+)*|\b\d[\d.,]*\d\b|\b\d\b")
_ASKING = frozenset(
    "which what who whom whose when where why how is are was were do does did in of on at by from to for with name "
    "tell say give the a an and can could".split()
)
_BEST = 10


def evidence_signals(state: AgentState, chunks: Mapping[str, Chunk]) -> dict[str, float]:
    """Signals of a state whose steps are taken.

    Args:
        state: with ``steps``, ``answers`` and ``evidence``.
        chunks: those of the evidence that are still there, by id.
    """
    way = way_of(state)
    found = {
        "steps": float(len(way)),
        "pictures": float(len(state.get("images", []))),
        "question_words": math.log1p(len(set(content_words(state["whole"])))),
        **_ranked([ref for ref in state.get("evidence", []) if way and ref["step"] == way[-1][0]]),
        **_names(state["whole"], [f"{one.title or ''} {one.text or ''}" for one in chunks.values()]),
    }
    if way:
        found["relevance"] = min(answer["confidence"] for _, answer in way)
        found |= _read([answer for _, answer in way])
        found |= _carried([answer for _, answer in way], chunks)
    return {name: value for name, value in found.items() if not math.isnan(value)}


def named_in(text: str) -> frozenset[str]:
    """Names and numbers of a question, lower case; the words that ask, and its first where it merely begins, are none.

    A first word counts where it is written large again or no English word asks with it: "Madrid" of "Madrid's people".
    """
    return frozenset(found for one in _NAME.findall(text) if (found := one.casefold()) not in _ASKING)


def _ranked(refs: Sequence[EvidenceRef]) -> dict[str, float]:
    scores = sorted((min(max(ref["score"], 0.0), 1.0) for ref in refs), reverse=True)
    found = {"relevant": math.log1p(sum(score >= 0.5 for score in scores))}
    if scores:
        found["relevance_gap"] = _logit(scores[0]) - _logit(scores[1] if len(scores) > 1 else 0.0)
        found["relevance_entropy"] = _entropy(scores[:_BEST])
    for name, stage in (("unlike_text", "z_text"), ("unlike_image", "z_image"), ("recognised", "recognised")):
        values = [ref["stages"][stage][0] for ref in refs if stage in ref["stages"]]
        found[name] = max(values, default=math.nan)
    return found


def _names(question: str, texts: Sequence[str]) -> dict[str, float]:
    names = named_in(question)
    if not names or not texts:
        return {}
    held = [{name for name in names if _holds(text, name)} for text in (one.casefold() for one in texts)]
    together = max(len(one) for one in held) / len(names)
    return {"names_together": together, "names_known": len(set().union(*held)) / len(names)}


def _read(way: Sequence[StepAnswer]) -> dict[str, float]:
    chances = [answer["probability"] for answer in way if answer["probability"] is not None]
    return {
        "read": float(all(answer["text"] for answer in way)),
        "read_log_probability": math.log(max(min(chances), 1e-6)) if chances else math.nan,
        "refused": float(any(answer["problem"] == "the answer is not in the evidence" for answer in way)),
        "conflicts": float(any(answer["conflicts"] for answer in way)),
    }


def _carried(way: Sequence[StepAnswer], chunks: Mapping[str, Chunk]) -> dict[str, float]:
    """How much of each step its carrying quote and chunk hold; of all steps the least."""
    rows = []
    for answer in way:
        quote = next((one for one in answer["quotes"] if one["chunk_id"] in chunks), None)
        if quote is None:
            continue
        chunk = chunks[quote["chunk_id"]]
        whole = f"{chunk.title or ''} {chunk.text or ''}"
        names = named_in(answer["query"])
        held = sum(_holds(whole.casefold(), name) for name in names) / len(names) if names else math.nan
        near = coverage(answer["query"], whole)
        rows.append((held, coverage(answer["query"], quote_text(quote, chunk)), near))
    if not rows:
        return {}
    least = [
        min((value for value in column if not math.isnan(value)), default=math.nan)
        for column in zip(*rows, strict=True)
    ]
    return dict(zip(("names_held", "words_held", "words_near"), least, strict=True))


def _holds(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}", text) is not None


def _logit(score: float) -> float:
    inner = min(max(score, 1e-3), 1.0 - 1e-3)
    return math.log(inner / (1.0 - inner))


def _entropy(scores: Sequence[float]) -> float:
    weights = np.array(scores) + 1e-9
    shares = weights / weights.sum()
    return float(-(shares * np.log(shares)).sum() / math.log(len(shares))) if len(shares) > 1 else 0.0
