"""A small collection of islands and towns, real parts around it, and a reasoner whose replies a test chooses."""

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from foveate.agent.deps import Deps
from foveate.agent.graph import build_graph
from foveate.agent.multihop.single import SingleShot
from foveate.ids import digest
from foveate.locators import Box, CharSpan
from foveate.memory.bm25 import Bm25Terms
from foveate.memory.filters import INDEXED
from foveate.memory.open_store import open_store
from foveate.memory.store import Point, StoreSpec
from foveate.records import Chunk
from foveate.rerankers.protocols import Message
from foveate.rerankers.reasoning.prompts import PLAN, READ, VERIFY
from foveate.rerankers.scripted import Line, ScriptedChat
from foveate.rerankers.sentences import SentenceReranker, Weights
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.points import payload_of
from foveate.retrievers.search import Searcher
from foveate.settings import Budget, StoreSettings

ENCODER = HashedEncoder()
TEXTS = {
    "nadi": "Nadi lies in the country of Fiji. Nadi has an airport.",
    "fiji": "The currency used in Fiji is the Fijian dollar.",
    "fiji_people": "In Fiji live 884,887 people.",
    "tonga_people": "In Tonga live 106,017 people.",
    "capital": "The capital of Fiji is Suva.",
    "mayor": "The mayor of Suva is Anna Kumar.",
    "bread": "Bread is baked at 230 degrees for forty minutes.",
}
CHAIN = "1 | any | In which country lies Nadi? | -\n2 | any | Which currency is used in #1? | 1"
CHAIN_QUESTION = "Which currency is used in the country where Nadi lies?"
CHAIN_READS = {"country lies Nadi": "Fiji", "used in Fiji": "the Fijian dollar"}
MOST = (
    "1 | any | How many people live in Fiji? | -\n2 | any | How many people live in Tonga? | -\n"
    "3 | most | Fiji; Tonga | 1, 2"
)
MOST_QUESTION = "Where do more people live, in Fiji or in Tonga?"
MOST_READS = {"live in Fiji": "884,887", "live in Tonga": "106,017"}


class Reasoner(ScriptedChat):
    """Plans as told, reads by what the question says, and weighs claims by a function (neutral where none is given)."""

    def __init__(
        self,
        plan: Line = "",
        reads: Mapping[str, Line] | Callable[[str, str], Line] | None = None,
        contradicted: Callable[[str, str], float] = lambda claim, evidence: 0.0,
    ) -> None:
        super().__init__(self._reply, name="reasoner")
        self._plan = plan
        self._reads = reads or {}
        self._contradicted = contradicted

    def asked(self, stage: str) -> list[str]:
        """What it was asked, the user's part of each prompt, of one stage."""
        start = {"plan": PLAN, "read": READ, "verify": VERIFY}[stage].modules[0].text
        return [call.messages[-1].text for call in self.calls if call.messages[0].text == start]

    async def score(self, messages: Sequence[Message], options: Sequence[str]) -> list[float]:
        evidence, claim = messages[-1].text.removeprefix("Evidence: ").split("\nClaim: ")
        share = min(max(self._contradicted(claim, evidence), 1e-6), 1 - 1e-6)
        shares = {"entailed": (1 - share) / 2, "contradicted": share, "neutral": (1 - share) / 2}
        return [math.log(shares[option]) for option in options]

    def _reply(self, messages: Sequence[Message]) -> Line:
        system, user = messages[0].text, messages[-1].text
        if system == PLAN.modules[0].text:
            return self._plan
        if system == READ.modules[0].text:
            notes, question = user.rsplit("\nQuestion: ", 1)
            if callable(self._reads):
                return self._reads(question, notes)
            return next((said for key, said in self._reads.items() if key in question), "none")
        assert system == VERIFY.modules[0].text, system
        return "entailed"


def passage(name: str, text: str, **chunk: Any) -> Point:
    made = Chunk(
        id=digest(name),
        media_id=digest("media", name),
        kind="document",
        part="passage",
        locator=CharSpan(start=0, end=len(text)),
        text=text,
        paths=(f"/docs/{name}.md",),
        format="markdown",
        **chunk,
    )
    dense = {"text": ENCODER.encode_text([text])[0]}
    return Point(id=made.id, dense=dense, sparse=Bm25Terms().document(text), payload=payload_of(made))


def picture(name: str, colour: str, folder: str = "pictures") -> Point:
    made = Chunk(
        id=digest(name),
        media_id=digest("media", name),
        kind="image",
        part="picture",
        locator=Box(x0=0.0, y0=0.0, x1=1.0, y1=1.0),
        text=None,
        paths=(f"/{folder}/{name}.png",),
        format="png",
    )
    row = ENCODER.encode_images([Image.new("RGB", (8, 8), colour)])[0]
    return Point(id=made.id, dense={"image": row}, payload=payload_of(made))


@contextmanager
def towns(folder: Path, points: Sequence[Point] | None = None, **parts: Any) -> Iterator[Deps]:
    """Deps over a collection of its own; ``parts`` replace those of the same name."""
    spec = StoreSpec(dense={"image": ENCODER.dim, "text": ENCODER.dim}, indexed=INDEXED)
    store = open_store(StoreSettings(kind="reference"), folder / "store", spec)
    store.upsert([passage(name, text) for name, text in TEXTS.items()] if points is None else list(points))
    made: dict[str, Any] = {
        "store": store,
        "encoder": ENCODER,
        "searcher": Searcher(store, ENCODER),
        # The shipped weights are fitted to mini's cosines; hashed words need another bar.
        "reranker": SentenceReranker(ENCODER.encode_text, Weights(bias=-7.6)),
        "model": ScriptedChat(lambda _: "nothing of the kind"),
        "strategy": SingleShot(),
        "budget": Budget(),
        "look": lambda _: Image.new("RGB", (8, 8), "red"),
        "load": lambda _: Image.new("RGB", (8, 8), "red"),
    }
    try:
        yield Deps(**(made | parts))
    finally:
        store.close()


def ask(deps: Deps, question: str, **state: Any) -> dict[str, Any]:
    """The last state of a question without a thread."""
    found = asyncio.run(build_graph().ainvoke({"question": question, **state}, context=deps))  # type: ignore[arg-type]
    return dict(found)


def stages(state: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Entries of the trace of one stage."""
    return [entry for entry in state["trace"] if entry["stage"] == name]


def cited(state: Mapping[str, Any]) -> set[str]:
    """Names of the files that are cited."""
    return {item["source"].rsplit("/", 1)[-1].split(".")[0] for item in state["citations"]}
