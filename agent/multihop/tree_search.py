"""Search without a retriever: the model writes beginnings of the collection's own sentences, guided by their worth.

FREESON (Kim and Lee, "Retriever-Free Retrieval-Augmented Reasoning via Corpus-Traversing MCTS", 2025): generation held
to what the collection says is retrieval. After a hop, the sentence reached is added to what the model is asked, as in
the other strategies; no vector is looked up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from foveate.agent.multihop.corpora import Corpora, told
from foveate.agent.multihop.gathering import best_first, over, scores_of
from foveate.agent.multihop.protocols import Fact, Found, Gathered, Hop, Tools
from foveate.agent.multihop.walking import Limits, Reached, Walking
from foveate.errors import CallerError
from foveate.records import Chunk, Hit, Result
from foveate.rerankers.constrained import Codec, Constrained, trace_prompt
from foveate.rerankers.sentences import content_words, coverage, statements
from foveate.retrievers.multihop.corpus import Corpus
from foveate.usage import Usage

__all__ = ["TreeSearchStrategy"]

_COVERED = 0.6
_DERIVED = 0.8
"""Weight of a score against a query that a hop made up: it rests on what that hop believed."""
_RELEVANT = 0.5
_FACT_CHARS = 300
_NOTED = 5


@dataclass(kw_only=True, slots=True)
class _State:
    """What one question has gathered."""

    question: str
    found: dict[str, Found] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
    tokens: int = 0

    @property
    def query(self) -> str:
        return " ".join([self.question, *(fact.text for fact in self.facts)])


class TreeSearchStrategy:
    """Monte Carlo tree search over the collection's text. Needs a model in this process."""

    name = "tree-search"

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        value: Literal["rerank", "likelihood"] = "rerank",
        covered: float = _COVERED,
        folder: Path | None = None,
    ) -> None:
        """Choose how far to go and what guides.

        Args:
            limits: of the search of each hop.
            value: what a chunk that was reached is worth to the search: the reranker's probability, or how likely
                the model took the turns that led there. Scores are the reranker's either way.
            covered: share of the question's content words that the facts must hold; above 1 never stops early.
            folder: where text indexes are saved; None makes them again in each process.

        Raises:
            CallerError: an unknown value.
        """
        if value not in ("rerank", "likelihood"):
            raise CallerError(f"value is {value!r}; choose one of: 'likelihood', 'rerank'")
        self._limits = limits or Limits()
        self._value = value
        self._covered = covered
        self._corpora = Corpora(folder)

    async def gather(self, question: str, tools: Tools) -> Gathered:
        """Chunks whose sentences the model began to write, best first.

        Raises:
            CallerError: the model does not run in this process; names the cure.
            ExtraMissing: pydivsufsort is not installed.
        """
        model = Constrained(tools.model)
        corpus = await self._corpora.of(tools, model)
        state = _State(question=question)
        ended = "" if corpus.ids else "no text"
        while not ended:
            ended = self._ended(state, await self._hop(state, corpus, model, tools), tools)
        found = best_first(state.found.values())[: tools.budget.candidates]
        return Gathered(found=found, hops=tuple(state.hops), ended=ended, usage=Usage(tokens_in=state.tokens))

    async def _hop(self, state: _State, corpus: Corpus, model: Constrained, tools: Tools) -> Fact | None:
        """One search with what is known so far; what it taught."""
        prompt = trace_prompt(state.question, [fact.text for fact in state.facts])
        scores: dict[str, float] = {}

        async def judge(walked: Mapping[str, float]) -> Mapping[str, float]:
            if self._value == "likelihood":
                return walked
            scores.update(await _scores([*walked], state, tools))
            return scores

        walking = Walking(corpus, model, prompt, judge=judge, over=lambda: over(tools), limits=self._limits)
        reached = await walking.run()
        codec = await model.codec()
        state.tokens += walking.tokens + sum(len(codec.encode_text(message.text)) for message in prompt)
        # What an earlier hop reached may answer what a fact found out.
        left = [name for name in (*state.found, *(one.chunk_id for one in reached)) if name not in scores]
        scores |= await _scores(left, state, tools)
        return _take(reached, scores, state, tools, codec)

    def _ended(self, state: _State, learnt: Fact | None, tools: Tools) -> str:
        if learnt is None or not content_words(state.question):
            return "budget of time" if over(tools) else "no new fact"
        if coverage(state.question, learnt.text) >= self._covered:
            return "covered"
        if len(state.hops) >= tools.budget.hops:
            return "budget of hops"
        return "budget of time" if over(tools) else ""


async def _scores(names: Sequence[str], state: _State, tools: Tools) -> dict[str, float]:
    """Probabilities by chunk id; nothing of chunks whose words are in the query already."""
    read = {fact.chunk_id for fact in state.facts}
    wanted = list(dict.fromkeys(name for name in names if name not in read))
    results = [Result(chunk=chunk, score=0.0, hits=()) for chunk in tools.chunks(wanted)]
    weight = _DERIVED if state.facts else 1.0
    return {name: weight * score for name, score in (await scores_of(state.query, results, tools)).items()}


def _take(
    reached: Sequence[Reached], scores: Mapping[str, float], state: _State, tools: Tools, codec: Codec
) -> Fact | None:
    """Add a hop's chunks to the state; the best fresh one gives a fact."""
    hop = len(state.hops) + 1
    query = state.query
    walks = {one.chunk_id: one for one in reached}
    chunks = {chunk.id: chunk for chunk in tools.chunks([*scores])}
    for name, score in scores.items():
        known = state.found.get(name)
        if name in chunks and (known is None or score > known.score):
            state.found[name] = _found(chunks[name], score, known, walks.get(name), hop)
    # Ties by id, so that equal questions learn equal facts.
    best = min((name for name in chunks), key=lambda name: (-scores[name], name), default=None)
    learnt = None
    if best is not None and scores[best] >= _RELEVANT * (_DERIVED if state.facts else 1.0):
        text = _statement(chunks[best], walks[best].char if best in walks else 0)
        learnt = Fact(chunk_id=best, text=text, score=scores[best])
    seen = sorted(((name, scores[name]) for name in walks if name in scores), key=lambda pair: (-pair[1], pair[0]))
    noted = [codec.decode(walks[name].walk.path) for name, _ in seen[:_NOTED]]
    state.hops.append(
        Hop(
            queries=(query,),
            found=tuple(seen),
            facts=(learnt,) if learnt else (),
            note="walked: " + " | ".join(dict.fromkeys(noted)) if noted else "",
        )
    )
    if learnt:
        state.facts.append(learnt)
    return learnt


def _found(chunk: Chunk, score: float, known: Found | None, walked: Reached | None, hop: int) -> Found:
    hits = known.hits if known else ()
    if walked:
        hits = (*hits, Hit(chunk_id=chunk.id, score=walked.walk.likelihood, stage="tree", rank=0))
    hits = (*hits, Hit(chunk_id=chunk.id, score=score, stage="rerank", rank=0))
    return Found(chunk=chunk, score=score, hop=known.hop if known else hop, hits=hits)


def _statement(chunk: Chunk, char: int) -> str:
    """The statement of the chunk that was walked along, on one line; the first one for its title."""
    text = chunk.text or ""
    at = max(char - told(chunk)[1], 0)
    spans = [span for span in statements(text) if span.end > at] or [*statements(text)][-1:]
    return " ".join(text[spans[0].start : spans[0].end].split())[:_FACT_CHARS] if spans else ""
