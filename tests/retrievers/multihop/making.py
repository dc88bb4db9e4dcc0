"""Small collections with an exact encoder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from foveate.ids import digest
from foveate.locators import Box, CharSpan
from foveate.memory.bm25 import Bm25Terms
from foveate.memory.filters import INDEXED
from foveate.memory.reference import ReferenceStore
from foveate.memory.store import Point, StoreSpec
from foveate.records import Chunk
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.points import dense_text, lexical_text, payload_of

ENCODER = HashedEncoder()
TERMS = Bm25Terms()


def passage(name: str, text: str, title: str | None = None) -> Chunk:
    return Chunk(
        id=digest(name),
        media_id=digest("media", name),
        kind="document",
        part="passage",
        locator=CharSpan(start=0, end=max(len(text), 1)),
        text=text,
        paths=(f"/docs/{name}.md",),
        format="markdown",
        title=title,
    )


def picture(name: str, path: Path, caption: str | None = None) -> Chunk:
    return Chunk(
        id=digest(name),
        media_id=digest("media", name),
        kind="image",
        part="picture",
        locator=Box(x0=0, y0=0, x1=1, y1=1),
        text=caption,
        paths=(str(path),),
        format="png",
    )


def point(chunk: Chunk) -> Point:
    words = dense_text(chunk)
    dense = {"text": ENCODER.encode_text([words])[0]} if words else {}
    sparse = TERMS.document(lexical_text(chunk)) if words else None
    return Point(id=chunk.id, dense=dense, sparse=sparse, payload=payload_of(chunk))


def store_of(chunks: Sequence[Chunk]) -> ReferenceStore:
    store = ReferenceStore(StoreSpec(dense={"image": ENCODER.dim, "text": ENCODER.dim}, indexed=INDEXED))
    store.upsert([point(chunk) for chunk in chunks])
    return store


def texts(said: Mapping[str, str]) -> ReferenceStore:
    return store_of([passage(name, text) for name, text in said.items()])
