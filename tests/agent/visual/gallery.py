"""A small real collection: plain-coloured captioned pictures and passages about what they are called."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from foveate.agent.multihop.protocols import Tools
from foveate.ids import digest
from foveate.locators import Box, CharSpan
from foveate.memory.bm25 import Bm25Terms
from foveate.memory.filters import INDEXED
from foveate.memory.open_store import open_store
from foveate.memory.store import Point, Store, StoreSpec
from foveate.records import Chunk
from foveate.rerankers.scripted import ScriptedChat
from foveate.rerankers.sentences import SentenceReranker, Weights
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.points import payload_of
from foveate.retrievers.search import Searcher
from foveate.settings import Budget, StoreSettings

ENCODER = HashedEncoder()
TERMS = Bm25Terms()
FLAGS = {
    "red": "Flag of Rubria",
    "blue": "Flag of Azuria",
    "green": "Flag of Viridia",
    "yellow": "Flag of Flavia",
    "purple": "Flag of Purpuria",
    "orange": "Flag of Aurantia",
}
COLOURS = {
    "red": (220, 30, 30),
    "blue": (40, 70, 210),
    "green": (40, 160, 60),
    "yellow": (240, 220, 40),
    "purple": (130, 50, 160),
    "orange": (245, 140, 20),
    "brown": (120, 75, 40),
    "grey": (128, 128, 128),
}
TEXTS = {
    "rubria": "The capital of Rubria is Cinnabar. Rubria pays with the carmine.",
    "azuria": "The capital of Azuria is Lapis. Azuria pays with the cobalt.",
    "viridia": "The capital of Viridia is Verdigris. Viridia pays with the fern.",
}


def picture(colour: str, size: tuple[int, int] = (64, 48)) -> Image.Image:
    return Image.new("RGB", size, COLOURS[colour])


def shown(colour: str, caption: str | None) -> Point:
    """A picture with or without a caption."""
    chunk = Chunk(
        id=digest("picture", colour, caption or ""),
        media_id=digest("media", colour, caption or ""),
        kind="image",
        part="picture",
        locator=Box(x0=0.0, y0=0.0, x1=1.0, y1=1.0),
        text=caption,
        paths=(f"/pictures/{colour}.png",),
        format="png",
    )
    dense = {"image": ENCODER.encode_images([picture(colour)])[0]}
    if caption:
        dense["text"] = ENCODER.encode_text([caption])[0]
    sparse = TERMS.document(caption) if caption else None
    return Point(id=chunk.id, dense=dense, sparse=sparse, payload=payload_of(chunk))


def passage(name: str, text: str) -> Point:
    chunk = Chunk(
        id=digest("passage", name),
        media_id=digest("media", name),
        kind="document",
        part="passage",
        locator=CharSpan(start=0, end=len(text)),
        text=text,
        paths=(f"/docs/{name}.md",),
        format="markdown",
    )
    dense = {"text": ENCODER.encode_text([text])[0]}
    return Point(id=chunk.id, dense=dense, sparse=TERMS.document(text), payload=payload_of(chunk))


def filled(folder: Path, captions: Mapping[str, str | None], texts: Mapping[str, str]) -> Store:
    spec = StoreSpec(dense={"image": ENCODER.dim, "text": ENCODER.dim}, indexed=INDEXED)
    store = open_store(StoreSettings(kind="reference"), folder, spec)
    points = [shown(colour, caption) for colour, caption in captions.items()]
    store.upsert([*points, *(passage(name, text) for name, text in texts.items())])
    return store


def tools_of(store: Store, *pictures: Image.Image, hops: int = 4) -> Tools:
    return Tools(
        store=store,
        encoder=ENCODER,
        searcher=Searcher(store, ENCODER),
        # The shipped weights are fitted to mini's cosines; hashed words need another bar.
        reranker=SentenceReranker(ENCODER.encode_text, Weights(bias=-7.6)),
        model=ScriptedChat([]),  # it would fail loudly if it were asked
        budget=Budget(hops=hops),
        pictures=pictures,
    )
