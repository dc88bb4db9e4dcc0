"""Pictures to names: ``python -m benchmarks.visual [--quick] [--half train|held_out] [--kb FOLDER]``.

Question pictures of the knowledge base (flags as another house draws them) are identified among its captioned pictures,
by vectors alone and with the closer look; the difference is paired. Fifty pictures, in the quick form twenty, of one
half: develop on ``train``; ``held_out`` is for figures that are published. The knowledge base is built into FOLDER if
it is not there. Where the training caches are at hand (``python -m foveate.retrievers.training.described`` makes them),
pictures of GCompris are classified among all their titles: by the picture alone and by X-MoRe's two votes, with the
clip art, furniture and emoji as memory. No word or picture of GCompris trained the encoder.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report import finish
from foveate.agent.multihop.protocols import Tools
from foveate.agent.visual.entities import identify
from foveate.agent.visual.votes import classify
from foveate.evals.reading.rows import jsonl_rows
from foveate.evals.stats.paired import paired
from foveate.ids import digest
from foveate.locators import Box
from foveate.memory.filters import INDEXED
from foveate.memory.open_store import open_store
from foveate.memory.store import Point, Store, StoreSpec
from foveate.records import Chunk
from foveate.rerankers.scripted import ScriptedChat
from foveate.rerankers.sentences import SentenceReranker
from foveate.retrievers.encoders.head import unit
from foveate.retrievers.encoders.mini import MiniEncoder
from foveate.retrievers.points import payload_of
from foveate.retrievers.search import Searcher
from foveate.retrievers.training.countries.build import build
from foveate.retrievers.training.described import gather
from foveate.retrievers.training.mini_head import held_out
from foveate.settings import Budget, StoreSettings

_GOAL = 0.8
_MEMORY = ("openclipart", "furniture", "emoji")
_NEIGHBOURS = 16
_BATCH = 32

Rights = NDArray[np.float64]


def points(encoder: MiniEncoder, paths: Sequence[Path]) -> list[Point]:
    """Captioned pictures as ingest would store them, without tiles."""
    made = []
    for start in range(0, len(paths), _BATCH):
        part = paths[start : start + _BATCH]
        rows = encoder.encode_images([Image.open(path) for path in part])
        for path, row in zip(part, rows, strict=True):
            chunk = Chunk(
                id=digest("visual", path.name),
                media_id=digest("media", path.name),
                kind="image",
                part="picture",
                locator=Box(x0=0.0, y0=0.0, x1=1.0, y1=1.0),
                text=path.with_suffix(".txt").read_text(encoding="utf-8").strip(),
                paths=(str(path),),
                format="png",
            )
            made.append(Point(id=chunk.id, dense={"image": row}, payload=payload_of(chunk)))
    return made


def identified(encoder: MiniEncoder, store: Store, asked: Sequence[Path], *, looking: bool) -> tuple[Rights, Rights]:
    """(n) whether the most probable name is right, and its probability."""
    tools = Tools(
        store=store,
        encoder=encoder,
        searcher=Searcher(store, encoder),
        reranker=SentenceReranker(encoder.encode_text),
        model=ScriptedChat([]),
        budget=Budget(),
        look=(lambda chunk: Image.open(chunk.path)) if looking else None,
    )
    right, sure = np.zeros(len(asked)), np.zeros(len(asked))
    for i, path in enumerate(asked):
        found = [one for one in asyncio.run(identify([Image.open(path)], tools)) if one.chunk_ids]
        if found:
            right[i] = digest("visual", path.name) in found[0].chunk_ids
            sure[i] = found[0].probability
    return right, sure


def flags(encoder: MiniEncoder, base: Path, half: str, count: int) -> tuple[Rights, Rights, Rights]:
    """Right with a closer look, its probability, and right by vectors alone."""
    rows = [row for row in jsonl_rows(base / "questions.jsonl") if row.get("half", str) == half]
    names = sorted({name for row in rows if (name := row.find("picture", str))}, key=lambda name: digest("asked", name))
    asked = [base / "question_pictures" / f"{name}.png" for name in names[:count]]
    with tempfile.TemporaryDirectory() as folder:
        spec = StoreSpec(dense={"image": encoder.dim, "text": encoder.dim}, indexed=INDEXED)
        store = open_store(StoreSettings(kind="reference"), Path(folder) / "store", spec)
        store.upsert(points(encoder, sorted((base / "pictures").glob("*.png"))))
        right, sure = identified(encoder, store, asked, looking=True)
        alone, _ = identified(encoder, store, asked, looking=False)
        store.close()
    return right, sure, alone


def voted(encoder: MiniEncoder, cache: Path, count: int) -> tuple[Rights, Rights]:
    """(n) whether GCompris' pictures are named rightly by both votes, and by the picture alone."""
    test = gather("gcompris", cache, encoder)
    parts = [gather(source, cache, encoder) for source in _MEMORY]
    memory = np.concatenate([encoder.from_features(part.features) for part in parts])
    concepts = [concept for part in parts for concept in part.concepts]
    captions = [row[0] for part in parts for row in part.captions]
    kept = np.flatnonzero([not held_out(concept) for concept in concepts])
    titles = sorted({row[0] for row in test.captions})
    names = encoder.encode_text(titles)
    rows = encoder.from_features(test.features[:count])
    mean = encoder.picture_mean
    apart = rows if mean is None else unit(rows - mean)
    cosines = rows @ memory[kept].T  # (n, m)
    near = np.argsort(-cosines, axis=1, kind="stable")[:, :_NEIGHBOURS]
    both, alone = np.zeros(len(rows)), np.zeros(len(rows))
    for i, places in enumerate(near):
        told = encoder.encode_text([captions[kept[j]] for j in places])
        votes = classify(rows[i], names, told, cosines[i, places].tolist(), beyond=apart[i])
        both[i] = titles[int(np.argmax(votes.together))] == test.captions[i][0]
        alone[i] = titles[int(np.argmax(votes.picture))] == test.captions[i][0]
    return both, alone


def line(what: str, a: Rights, b: Rights) -> None:
    """Both figures and the paired interval of their difference."""
    gap = paired(a[:, None], b[:, None], draws=2000)
    interval = f"{gap.difference:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
    print(f"{what}: {a.mean():.3f} beside {b.mean():.3f}, {interval}, n {len(a)}")


def main() -> None:
    """Measure and print."""
    cache = platformdirs.user_cache_path("foveate") / "training"
    parser = argparse.ArgumentParser(description="pictures to names")
    parser.add_argument("--quick", action="store_true", help="20 flags and 60 pictures")
    parser.add_argument("--half", choices=("train", "held_out"), default="held_out")
    parser.add_argument("--kb", type=Path, default=platformdirs.user_cache_path("foveate") / "datasets" / "kb")
    chosen = parser.parse_args()
    if not (chosen.kb / "questions.jsonl").exists():
        build(chosen.kb, cache)
    encoder = MiniEncoder()
    right, sure, alone = flags(encoder, chosen.kb, chosen.half, 20 if chosen.quick else 500)
    line("flags named, with a closer look beside vectors alone", right, alone)
    certain = sure >= 0.5
    share = f"{right[certain].mean():.3f}" if certain.any() else "none"
    print(f"named with probability 0.5 or more: {certain.mean():.3f} of them, {share} right")
    if all((cache / f"described-{source}.npz").exists() for source in (*_MEMORY, "gcompris")):
        pair = voted(encoder, cache, 60 if chosen.quick else 1000)
        line("GCompris among its titles, both votes beside the picture alone", *pair)
    finish(
        "visual_identify",
        float(right.mean()),
        "share of flags named",
        goal=_GOAL,
        baseline=round(float(alone.mean()), 4),
        higher=True,
        half=chosen.half,
        n=len(right),
    )


if __name__ == "__main__":
    main()
