"""Fit what joins the shipped adapter with the first stage: ``python -m foveate.evals.fit_blend``.

Titles of pictures that nothing was trained on (GCompris, and the held-out concepts of clip art and furniture) are
searched among their own set, as in :mod:`foveate.retrievers.training.mini_head`; the best 20 are judged. Two pairs of
weights are fitted by logistic regression: of the adapter and ``z_image``, and of the sentence reranker and ``z_image``,
which the cascade of ``benchmarks.rerank`` begins with.
"""

import argparse
import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from foveate.evals.metrics.ranking import ranked
from foveate.ids import digest
from foveate.locators import Box
from foveate.records import Chunk, Hit, Result
from foveate.rerankers import shipped
from foveate.rerankers.blended import Blend, fit_blend
from foveate.rerankers.local_judge import LocalJudge
from foveate.rerankers.pointwise import PointwiseReranker
from foveate.rerankers.sentences import SentenceReranker
from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.encoders.wording import Neighbours
from foveate.retrievers.training.described import Library, among, described, gather, joined, stamps
from foveate.retrievers.training.mini_head import held_out

__all__ = ["Asked", "ordered", "pool", "standardised"]

Array = NDArray[np.float32]
_RATIO = 0.5
"""Weight of the adapter beside ``z_image``. nDCG@10 on these questions (GCompris, clip art, furniture): search alone
0.351, 0.419, 0.608; ratio 0.3 0.354, 0.440, 0.640; 0.5 0.346, 0.450, 0.651; 0.7 (likeliest) 0.335, 0.438, 0.663."""
_COUNTS = {"gcompris": 150, "openclipart": 60, "furniture": 40}
"""Questions a set: what is most like a user's own pictures counts most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question with its first stage."""

    question: str
    results: tuple[Result, ...]
    right: frozenset[str]
    """Ids of all relevant pictures, found or not."""


def standardised(scores: Array) -> Array:
    """(questions, pictures) cosines -> standard deviations above the question's own mean."""
    spread: Array = (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)
    return spread


def pool(names: Sequence[str], words: Sequence[str], scores: Array, depth: int) -> tuple[Result, ...]:
    """The best ``depth`` pictures of one question, told in words.

    Args:
        names: (n) that tell the pictures apart.
        words: (n) that describe them.
        scores: (n) of :func:`standardised`.
        depth: how many.
    """
    best = np.argsort(-scores, kind="stable")[:depth]
    return tuple(_result(names[i], words[i], float(scores[i]), rank) for rank, i in enumerate(best))


def _result(name: str, words: str, score: float, rank: int) -> Result:
    chunk = Chunk(
        id=digest(name),
        media_id=digest(name, "media"),
        kind="image",
        part="picture",
        locator=Box(x0=0.0, y0=0.0, x1=1.0, y1=1.0),
        text=words,
        paths=(name,),
    )
    hit = Hit(chunk_id=chunk.id, score=score, stage="z_image", rank=rank)
    return Result(chunk=chunk, score=score, hits=(hit,))


def _questions(
    source: str, library: Library, words: Sequence[str], encoder: MiniEncoder, depth: int, rng: random.Random
) -> Iterator[Asked]:
    titles = [row[0] for row in library.captions]
    names = [f"{source}/{i}" for i in range(len(titles))]
    distinct = sorted(set(titles))
    chosen = rng.sample(distinct, min(len(distinct), _COUNTS[source]))
    asked = [f"{'An' if title[0] in 'aeiou' else 'A'} {title}." for title in chosen]
    scores = standardised(encoder.encode_text(asked) @ encoder.from_features(library.features).T)
    for title, question, row in zip(chosen, asked, scores, strict=True):
        right = frozenset(digest(name) for name, other in zip(names, titles, strict=True) if other == title)
        yield Asked(question=question, results=pool(names, words, row, depth), right=right)


def _all(cache: Path, depth: int, seed: int) -> Iterator[tuple[str, list[Asked]]]:
    encoder, near, rng = MiniEncoder(), Neighbours.load(), random.Random(seed)
    tested = stamps(cache, encoder)
    parts = {source: gather(source, cache, encoder) for source in ("openclipart", "furniture", "emoji", "gcompris")}
    train = joined([parts[source] for source in ("openclipart", "furniture", "emoji")])
    train = train.select(~among(train, tested))
    train = train.select(~np.array([held_out(concept) for concept in train.concepts]))
    for source in _COUNTS:
        part = parts[source].select(np.array([held_out(concept) for concept in parts[source].concepts]))
        part = part.select(~among(joined([part, train]), tested)[: len(part.captions)])
        words = described(encoder, near, part, train)
        yield source, list(_questions(source, part, words, encoder, depth, rng))


async def _fit(options: argparse.Namespace) -> None:
    judge = LocalJudge("smollm2", options.adapter)
    reranker = PointwiseReranker(judge)
    rows: list[tuple[float, float, bool]] = []
    kept: list[tuple[str, Asked, dict[str, float]]] = []
    for source, questions in _all(options.cache, options.depth, options.seed):
        for asked in questions:
            judged = {hit.chunk_id: hit.score for hit in await reranker.rerank(asked.question, asked.results)}
            kept.append((source, asked, judged))
            rows += [(judged[one.chunk.id], one.score, one.chunk.id in asked.right) for one in asked.results]
    blend = fit_blend(rows, reranker=reranker.name, ratio=_RATIO)
    blend.save(options.out / shipped.BLEND.name)
    cheap = SentenceReranker(MiniEncoder().encode_text)
    first = fit_blend(await _judged_cheaply(cheap, [asked for _, asked, _ in kept]), reranker=cheap.name)
    first.save(options.out / shipped.FIRST.name)
    print(f"{len(kept)} questions, {len(rows)} candidates: {blend}")  # noqa: T201
    for source in _COUNTS:
        figures = _figures([(asked, judged) for name, asked, judged in kept if name == source], blend)
        print(source, figures)  # noqa: T201
    judge.close()


async def _judged_cheaply(reranker: SentenceReranker, kept: Sequence[Asked]) -> list[tuple[float, float, bool]]:
    rows = []
    for asked in kept:
        said = {hit.chunk_id: hit.score for hit in await reranker.rerank(asked.question, asked.results)}
        rows += [(said[one.chunk.id], one.score, one.chunk.id in asked.right) for one in asked.results]
    return rows


def _figures(kept: Sequence[tuple[Asked, dict[str, float]]], blend: Blend) -> dict[str, float]:
    """Mean nDCG@10 of the first stage, the adapter, and both; in sample for the two weights."""
    gains = [dict.fromkeys(asked.right, 1.0) for asked, _ in kept]
    first = [{one.chunk.id: one.score for one in asked.results} for asked, _ in kept]
    both = [
        {name: blend.probability(judged[name], z) for name, z in scores.items()}
        for scores, (_, judged) in zip(first, kept, strict=True)
    ]
    ways = {"first": first, "adapter": [judged for _, judged in kept], "blend": both}
    return {
        way: round(float(np.mean(ranked("ndcg", [ordered(scores) for scores in said], gains, 10))), 4)
        for way, said in ways.items()
    }


def ordered(scores: Mapping[str, float]) -> list[str]:
    """Ids, best first, ties by id."""
    return sorted(scores, key=lambda name: (-scores[name], name))


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description="weights that join the shipped adapter with the first stage")
    parser.add_argument("--adapter", type=Path, default=shipped.ADAPTER)
    parser.add_argument("--out", type=Path, default=shipped.BLEND.parent)
    parser.add_argument("--cache", type=Path, default=platformdirs.user_cache_path("foveate") / "training")
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asyncio.run(_fit(parser.parse_args()))


if __name__ == "__main__":
    main()
