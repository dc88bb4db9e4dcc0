"""The agent in process: what a user of the SDK calls, over the dataset's documents indexed as a user would."""

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foveate.agent.sdk import Agent
from foveate.errors import CallerError, ServiceError
from foveate.evals.hashing import documents_sha256
from foveate.evals.samples import Dataset, Document, Output, Place, Sample, Span
from foveate.evals.targets.encoder import EncoderTarget
from foveate.evals.targets.protocols import Ability, Ranking
from foveate.evals.targets.staging import Staged, stage
from foveate.ids import digest
from foveate.locators import Locator, TimeSpan
from foveate.models import installed, path
from foveate.records import Answer, Result
from foveate.rerankers.protocols import ChatModel, Reranker
from foveate.retrievers.protocols import Encoder
from foveate.settings import Settings

__all__ = ["AgentTarget", "evidence_of", "model_facts", "output_of", "places_of", "span_of"]

_COLLECTION = "documents"
_DEPTH = 4
"""Results asked for per document wanted: a film or PDF has many chunks."""


class AgentTarget:
    """Finds with ``Agent.search``, answers with ``Agent.aask``, matches with the agent's encoder."""

    kind = "agent"
    abilities: frozenset[Ability] = frozenset({"find", "locate", "ask", "match"})
    concurrency = 1

    def __init__(
        self,
        settings: Settings,
        encoder: Encoder,
        model: ChatModel,
        *,
        reranker: Reranker | None = None,
        reasoner: ChatModel | str | None = None,
        stage: str | None = None,
        fold: bool = False,
    ) -> None:
        """Hold the parts; nothing is opened yet.

        Args:
            settings: budgets and limits; ``home`` is replaced by the run's own folder.
            encoder: of the collection.
            model: the generator.
            reranker: instead of the agent's own.
            reasoner: a model or a name, ``auto`` too; None is an agent that plans by rules and reads by its draft.
            stage: rank by one stage's list (``image``, ``text``, ``bm25``) instead of the fused one.
            fold: show near-duplicates once, as ``foveate search`` does; a benchmark counts each.
        """
        self.encoder = encoder
        self.model = model
        self._settings = settings
        self._reranker = reranker
        self._reasoner = reasoner
        self._stage = stage
        self._fold = fold
        self._vectors = EncoderTarget(encoder)
        self._agent: Agent | None = None
        self._staged = Staged(roots=())
        self._pooled = False
        self._busy = asyncio.Lock()

    async def prepare(self, dataset: Dataset, work: Path) -> None:
        """Index the documents into a collection of their own, or open it when an earlier run made it.

        Raises:
            CallerError: the dataset has samples that look in parts of it only.
        """
        await self.close()
        pools = {document.pool for document in dataset.documents}
        self._pooled = len(pools) > 1
        await asyncio.to_thread(self._open, dataset, work)

    def _open(self, dataset: Dataset, work: Path) -> None:
        # Files that are indexed where they lie are known by their paths: another checkout's collection finds nothing.
        lying = sorted(str(Path(document.file).absolute()) for document in dataset.documents if document.file)
        key = digest(documents_sha256(dataset), self.encoder.fingerprint, repr(self._settings.index), *lying)
        home = work / key
        self._staged = stage(dataset, home / "files")
        done = home / "indexed.json"
        if not done.exists():
            # Half an index is made again from nothing: what is measured must not depend on when a run was killed.
            shutil.rmtree(home / "collections", ignore_errors=True)
        settings = self._settings.model_copy(update={"home": home / "collections", "encoder": self.encoder.name})
        self._agent = Agent.open(
            _COLLECTION,
            settings=settings,
            encoder=self.encoder,
            model=self.model,
            reranker=self._reranker,
            reasoner=self._reasoner or "none",
        )
        if not done.exists() and self._staged.roots:
            report = self._agent.index(self._staged.roots)
            if report.skipped:
                row = report.skipped[0]
                raise CallerError(
                    f"{len(report.skipped)} documents of {dataset.name!r} could not be indexed, first: "
                    f"{row.path!r}: {row.reason}"
                )
            done.write_text(json.dumps({"dataset": dataset.name, "chunks": report.chunks}) + "\n", encoding="utf-8")

    @property
    def agent(self) -> Agent:
        """The open agent.

        Raises:
            ServiceError: nothing was prepared.
        """
        if self._agent is None:
            raise ServiceError("the agent target was not prepared")
        return self._agent

    async def find(self, sample: Sample, k: int) -> Ranking:
        """The best ``k`` documents: the search's results, each document at its best chunk."""
        results = await self.results(sample, k)
        return self.ranked([(result, result.score) for result in results], k)

    async def results(self, sample: Sample, k: int, *, kind: str | None = None) -> list[Result]:
        """The search's own results, enough of them for ``k`` documents.

        Args:
            sample: what to search with.
            k: documents wanted.
            kind: of media; of films, the sample's own alone where it names them.

        Raises:
            CallerError: the sample looks in a part of the documents.
        """
        if self._pooled or sample.candidates:
            raise CallerError(
                f"sample {sample.id!r} looks in a part of the documents only; the agent searches its whole collection: "
                "use the target 'encoder' for this dataset"
            )
        async with self._busy:  # a search keeps its query's vector; two at once would encode twice
            return await asyncio.to_thread(self._search, sample, k, kind)

    def _search(self, sample: Sample, k: int, kind: str | None) -> list[Result]:
        found = self.agent.search(
            sample.text,
            images=sample.images,
            exclude=sample.exclude,
            filters=_filters(kind, sample.films),
            k=_DEPTH * k,
            fold=self._fold,
        )
        if self._stage is None:
            return found
        hits = [(hit.rank, result) for result in found if (hit := result.hit(self._stage))]
        return [result for _, result in sorted(hits, key=lambda item: item[0])]

    async def locate(self, sample: Sample, k: int) -> list[Span]:
        """The best ``k`` moments of the sample's films, each span once."""
        results = await self.results(sample, k, kind="film")
        wanted = set(_absolute(sample.films))
        spans = [
            (result.chunk.locator.start_s, result.chunk.locator.end_s)
            for result in results
            if isinstance(result.chunk.locator, TimeSpan) and (not wanted or wanted & set(result.chunk.paths))
        ]
        return list(dict.fromkeys(spans))[:k]

    def ranked(self, results: Sequence[tuple[Result, float]], k: int) -> Ranking:
        """Documents of scored results, each once, at its first place."""
        ranking: dict[str, float] = {}
        for result, score in results:
            for document in self._staged.documents(result.chunk.paths, result.chunk.locator):
                ranking.setdefault(document.id, score)
        return list(ranking.items())[:k]

    async def ask(self, sample: Sample, question: str) -> Output:
        """``Agent.aask``, with the pictures of the question."""
        answer = await self.agent.aask(question, images=sample.images)
        return output_of(answer, self._staged)

    async def match(self, pictures: Sequence[str], texts: Sequence[str]) -> list[list[float]]:
        """(p) paths, (t) texts -> (p, t) cosines of the agent's encoder."""
        return await self._vectors.match(pictures, texts)

    async def alike(self, pictures: Sequence[str], others: Sequence[str]) -> list[list[float]]:
        """(p) paths, (o) paths -> (p, o) cosines of the agent's encoder."""
        return await self._vectors.alike(pictures, others)

    def describe(self) -> Mapping[str, Any]:
        """Encoder, generator, reranker and budget."""
        return {
            **self._vectors.describe(),
            **model_facts(self.model),
            "reranker": self._reranker.name if self._reranker else "sentences",
            "reasoner": self._reasoner
            if self._reasoner is None or isinstance(self._reasoner, str)
            else self._reasoner.name,
            "strategy": self._settings.strategy,
            "stage": self._stage,
            "fold": self._fold,
            "budget": self._settings.budget.model_dump(),
        }

    async def close(self) -> None:
        """Close the collection."""
        if self._agent is not None:
            agent, self._agent = self._agent, None
            await asyncio.to_thread(agent.close)


def _absolute(paths: Sequence[str]) -> list[str]:
    return [str(Path(path).absolute()) for path in paths]


def _filters(kind: str | None, films: Sequence[str]) -> str:
    """In the language of ``foveate search --filter``; a path with a double quote is left to the caller to sort out."""
    named = ",".join(f'"{path}"' for path in _absolute(films) if '"' not in path) if kind == "film" else ""
    return " ".join(part for part in (f"kind:{kind}" if kind else "", f"path:{named}" if named else "") if part)


def model_facts(model: ChatModel) -> dict[str, Any]:
    """Name of a generator and, for an embedded one, the hash of its manifest."""
    name = model.name
    try:
        manifest = path(name) / "manifest.json" if installed(name) else None
    except CallerError:
        manifest = None
    return {"model": name, "model_manifest": digest(manifest.read_bytes()) if manifest else None, "sees": model.sees}


def output_of(answer: Answer, staged: Staged) -> Output:
    """An answer as an evaluation sees it: sources become the benchmark's document ids."""
    found = [(citation, staged.documents([citation.source], citation.locator)) for citation in answer.citations]
    return Output(
        text=answer.text,
        short=answer.short,
        verdict=answer.verdict,
        reason=answer.reason,
        confidence=answer.confidence,
        cited=tuple(dict.fromkeys(place for item, documents in found for place in places_of(item.locator, documents))),
        spans=tuple(dict.fromkeys(span for item, _ in found if (span := span_of(item.locator)))),
        evidence=tuple(evidence_of(citation.to_dict(), documents) for citation, documents in found),
        usage=answer.usage,
    )


def evidence_of(citation: Mapping[str, Any], documents: Sequence[Document]) -> Mapping[str, Any]:
    """What people look at of a citation.

    Ids of chunks say nothing to them, and where a document was staged differs from machine to machine: its own name
    stands for the path.
    """
    shown = {key: citation.get(key) for key in ("source", "where", "locator", "quote", "claim")}
    return shown | ({"source": documents[0].id} if documents else {})


def span_of(locator: Locator) -> Span | None:
    """Seconds of a place in a film; None of any other."""
    return (locator.start_s, locator.end_s) if isinstance(locator, TimeSpan) else None


def places_of(locator: Locator, documents: Sequence[Document]) -> list[Place]:
    """The benchmark's places that a citation points at."""
    return [Place(document=document.id, span=span_of(locator)) for document in documents]
