"""Fit what the verifier's words are worth: the calibration of a pair, and the weights of the joint verdict.

Pairs are JSON objects a line, ``{"claim", "evidence", "label"}``, that the adapter was not trained on; pools are made
by :func:`foveate.evals.overlap.mixed` with another seed than the benchmark's, or read, ``{"claim", "texts", "label"}``.
Run: ``python -m foveate.evals.fit_joint --pairs held_out.jsonl --out rerankers/adapters``.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from foveate.agent.reranking import open_reranker
from foveate.errors import CallerError
from foveate.evals.overlap import Mixed, mixed
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.ids import digest
from foveate.locators import CharSpan
from foveate.records import Chunk, Result
from foveate.rerankers import shipped
from foveate.rerankers.local import LocalChat
from foveate.rerankers.protocols import Reranker
from foveate.rerankers.reasoning.entailment import LABELS, Entailment, Label
from foveate.rerankers.reasoning.joint import Piece, fit_joint, join
from foveate.rerankers.reasoning.verdict_scale import fit_scale
from foveate.rerankers.reasoning.verifier import Verifier
from foveate.retrievers.encoders.presets import load_encoder
from foveate.settings import Settings

__all__ = ["Pair", "judged", "main", "read_pairs", "read_pools", "reranker_of", "results_of"]

_FIT_SEED = 1
"""The benchmark draws with 0."""
_POOLS = 90
Pair = tuple[str, str, Label]
"""(claim, evidence, label)."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write two files beside the adapter, and print what they did as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adapter", type=Path, default=shipped.REASONER, help="folder of the LoRA adapter")
    parser.add_argument("--model", default="smollm2", help="what the adapter belongs to")
    parser.add_argument("--pairs", type=Path, required=True, help="JSONL of claim, evidence, label; not trained on")
    parser.add_argument("--pools", type=Path, help="JSONL of claim, texts, label; made where left out")
    parser.add_argument("--count", type=int, default=_POOLS, help="pools to make")
    parser.add_argument("--reranker", default="sentences", help="gives the relevance of pooled texts")
    parser.add_argument("--encoder", default="mini", help="of that reranker")
    parser.add_argument("--out", type=Path, required=True, help="folder for the two files")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    pools = read_pools(chosen.pools) if chosen.pools else mixed(chosen.count, seed=_FIT_SEED)
    folder = Path(chosen.model) if "/" in chosen.model else chosen.model
    reranker = reranker_of(chosen.reranker, chosen.encoder)
    chat = LocalChat(folder, adapter=chosen.adapter if chosen.adapter.is_dir() else None)
    try:
        body = asyncio.run(_fit(chat, read_pairs(chosen.pairs), pools, reranker, chosen.out))
    finally:
        chat.close()
    json.dump(body, sys.stdout, indent=2)
    sys.stdout.write("\n")


async def _fit(
    chat: LocalChat, pairs: Sequence[Pair], pools: Sequence[Mixed], reranker: Reranker, out: Path
) -> dict[str, object]:
    said = await Verifier(chat).verify([(claim, evidence) for claim, evidence, _ in pairs])
    scale = fit_scale(said, [label for _, _, label in pairs], model=chat.name)
    pieces = await judged(pools, reranker, Verifier(chat, scale))
    right = [pool.label for pool in pools]
    weights = fit_joint(pieces, right, model=chat.name)
    scale.save(out / shipped.REASONER.with_suffix(".scale.json").name)
    weights.save(out / shipped.REASONER.with_suffix(".joint.json").name)
    hits = [join(pool, weights).entailment.label == label for pool, label in zip(pieces, right, strict=True)]
    return {
        "model": chat.name,
        "pairs": len(pairs),
        "ece": [round(scale.fitted.ece_before, 4), round(scale.fitted.ece_after, 4)],
        "loss": [round(scale.fitted.loss_before, 4), round(scale.fitted.loss_after, 4)],
        "pools": len(pools),
        "accuracy_on_the_fitted_pools": round(sum(hits) / len(hits), 4),
    }


async def judged(pools: Sequence[Mixed], reranker: Reranker, verifier: Verifier) -> list[list[Piece]]:
    """Pieces of each pool, in the order of its texts: relevance by the reranker, entailment by the verifier."""
    found = []
    for pool in pools:
        results = results_of(pool.texts)
        chances = {hit.chunk_id: hit.score for hit in await reranker.rerank(pool.claim, results)}
        said: list[Entailment] = await verifier.verify([(pool.claim, text) for text in pool.texts])
        found.append(
            [
                Piece(relevance=min(max(chances.get(one.chunk.id, 0.0), 0.0), 1.0), entailment=entailment)
                for one, entailment in zip(results, said, strict=True)
            ]
        )
    return found


def results_of(texts: Sequence[str]) -> list[Result]:
    """Texts as search gives them; equal texts must not come twice."""
    return [
        Result(
            chunk=Chunk(
                id=digest("pool", text),
                media_id=digest("pool", "media", text),
                kind="document",
                part="passage",
                locator=CharSpan(start=0, end=len(text)),
                text=text,
                paths=("pool",),
            ),
            score=0.0,
            hits=(),
        )
        for text in texts
    ]


def reranker_of(spec: str, encoder: str = "mini") -> Reranker:
    """A reranker by name, for texts alone."""
    return open_reranker(spec, Settings.load(), load_encoder(encoder), lambda _: Image.new("RGB", (1, 1)))


def read_pairs(path: Path) -> list[Pair]:
    """Read ``{"claim", "evidence", "label"}`` a line; other fields are passed over.

    Raises:
        CallerError: no such file, or a wrong row; names line, field and value.
    """
    return [(row.get("claim", str), row.get("evidence", str), _label(row)) for row in jsonl_rows(path)]


def read_pools(path: Path) -> list[Mixed]:
    """Read ``{"claim", "texts", "label"}`` a line.

    Raises:
        CallerError: no such file, a wrong row, or a text that stands twice in its pool.
    """
    found = []
    for row in jsonl_rows(path):
        texts = row.texts("texts")
        if len(set(texts)) < len(texts):
            raise row.bad("texts", "different texts", texts)
        found.append(Mixed(claim=row.get("claim", str), label=_label(row), texts=texts, telling=None))
    if not found:
        raise CallerError(f"{path.name} holds no pool")
    return found


def _label(row: Row) -> Label:
    said = row.get("label", str)
    for label in LABELS:
        if label == said:
            return label
    raise row.bad("label", f"one of {', '.join(LABELS)}", said)


if __name__ == "__main__":
    main()
