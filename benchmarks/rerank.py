"""Quality against cost of rerankers on Tux Paint's stamps: ``python -m benchmarks.rerank [--quick]``.

English captions are questions; the gallery is the 785 pictures, captions hidden, told to language models in the words
of the ``mini`` encoder. The first stage is ``mini``'s own search (cosines standardised over the gallery); its best 25
are reranked. Any picture of the question's caption is right. One question a distinct caption, weighted by how many
stamps carry it; intervals and tests are paired, over captions.

Nothing was trained, tuned or selected on the stamps; training pictures that are among them were left out. Cost is
judgements of the language model and seconds of this run. ``--quick`` takes every fifth stamp and 24 questions: the
easier, smaller gallery must not be compared with the full one.
"""

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report import finish
from foveate.evals.datasets.stamps import Stamp, fetch_stamps, read_stamps
from foveate.evals.fit_blend import Asked, pool, standardised
from foveate.evals.metrics.ranking import ranked
from foveate.evals.stats import paired
from foveate.ids import digest
from foveate.rerankers import shipped
from foveate.rerankers.blended import Blend, BlendedReranker, FirstStage
from foveate.rerankers.cascade import Budget, Cascade, Undecided
from foveate.rerankers.choices import ChatChoices
from foveate.rerankers.listwise import ListwiseReranker
from foveate.rerankers.local import LocalChat
from foveate.rerankers.local_judge import LocalJudge
from foveate.rerankers.pairwise import PairwiseReranker
from foveate.rerankers.pointwise import PointwiseReranker, in_words
from foveate.rerankers.protocols import Judgement, Message, Reranker
from foveate.rerankers.sentences import SentenceReranker
from foveate.retrievers.encoders.mini import MiniEncoder

_GOAL = 0.05
_DEPTH, _QUICK_DEPTH = 25, 10
_SHARE = 0.4
"""Of the dear reranker's calls, for the cascade."""
_SMALL = 12
"""Questions of the rerankers that ask a generator many times, each over the best 4."""


class Remembering:
    """A judge that is asked once a prompt, whoever asks: several rerankers here share the dear judgements."""

    def __init__(self, judge: LocalJudge) -> None:
        self.name, self.sees, self.cut = judge.name, judge.sees, judge.cut
        self._judge = judge
        self._known: dict[tuple[Message, ...], Judgement] = {}
        self.seconds = 0.0

    async def judge(self, prompts: Sequence[Sequence[Message]]) -> list[Judgement]:
        """As the judge itself."""
        fresh = [prompt for prompt in dict.fromkeys(map(tuple, prompts)) if prompt not in self._known]
        if fresh:
            begun = time.perf_counter()
            self._known |= zip(fresh, await self._judge.judge(fresh), strict=True)
            self.seconds += time.perf_counter() - begun
        return [self._known[tuple(prompt)] for prompt in prompts]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One reranker, measured."""

    name: str
    ndcg: NDArray[np.float64]
    """(questions) nDCG@10."""
    calls: float
    """Judgements of a language model a question."""
    milliseconds: float
    """A question; NaN where judgements were shared with another line."""


def gallery(stamps: Sequence[Stamp], encoder: MiniEncoder) -> tuple[NDArray[np.float32], list[str]]:
    """Vectors (n, dim) and words of the pictures, kept beside the encoder's fingerprint."""
    key = digest(encoder.fingerprint, *(stamp.key for stamp in stamps))
    kept = platformdirs.user_cache_path("foveate") / "benchmarks" / f"stamps-words-{key}.npz"
    if not kept.exists():
        rows, words = [], []
        for start in range(0, len(stamps), 64):
            opened = [Image.open(stamp.path) for stamp in stamps[start : start + 64]]
            rows.append(encoder.encode_images(opened))
            words += encoder.describe_images(opened)
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, rows=np.concatenate(rows), words=np.array(json.dumps(words)))
    with np.load(kept, allow_pickle=False) as found:
        return found["rows"], json.loads(str(found["words"]))


def questions(stamps: Sequence[Stamp], encoder: MiniEncoder, depth: int, count: int | None) -> list[Asked]:
    """One a distinct caption, the best ``depth`` pictures with it."""
    rows, words = gallery(stamps, encoder)
    captions = [stamp.caption for stamp in stamps]
    distinct = sorted(set(captions))
    if count is not None:
        distinct = sorted(random.Random(0).sample(distinct, count))
    scores = standardised(encoder.encode_text(distinct) @ rows.T)
    names = [stamp.key for stamp in stamps]
    return [
        Asked(
            question=caption,
            results=pool(names, words, row, depth),
            right=frozenset(digest(name) for name, other in zip(names, captions, strict=True) if other == caption),
        )
        for caption, row in zip(distinct, scores, strict=True)
    ]


async def measure(
    reranker: Reranker,
    asked: Sequence[Asked],
    calls: float,
    judge: Remembering | None = None,
    *,
    best: int | None = None,
) -> Line:
    """nDCG@10 of every question; ``best`` of the first stage are reranked, the rest stay below in their order."""
    before, begun = judge.seconds if judge else 0.0, time.perf_counter()
    orders = []
    for one in asked:
        some = one.results[:best]
        hits = await reranker.rerank(one.question, some)
        orders.append([hit.chunk_id for hit in hits] + [rest.chunk.id for rest in one.results[len(some) :]])
    spent = time.perf_counter() - begun
    shared = judge is not None and calls > 0 and judge.seconds == before
    return Line(
        name=reranker.name,
        ndcg=scored(orders, asked),
        calls=calls,
        milliseconds=float("nan") if shared else 1000 * spent / len(asked),
    )


def scored(orders: Sequence[Sequence[str]], asked: Sequence[Asked]) -> NDArray[np.float64]:
    """(n) nDCG@10 by trec_eval; what was not found counts as missed."""
    return ranked("ndcg", orders, [dict.fromkeys(one.right, 1.0) for one in asked], 10)


def cascade_of(cheap: Reranker, dear: Reranker, depth: int) -> Cascade:
    """The cheap one for all, the dear one for 40% of them at most."""
    budget = Budget(calls=int(_SHARE * depth))
    return Cascade([cheap, dear], budget=budget, undecided=Undecided(low=0.0, high=1.0))


async def run(asked: Sequence[Asked], encoder: MiniEncoder, depth: int, others: bool) -> list[Line]:
    """All rerankers; ``others`` adds those that ask a generator, over few questions."""
    judge = Remembering(LocalJudge("smollm2", shipped.ADAPTER))
    pointwise = PointwiseReranker(judge)
    blended = BlendedReranker(pointwise, Blend.load(shipped.BLEND))
    lines = [await measure(FirstStage(), asked, 0)]
    lines.append(await measure(SentenceReranker(encoder.encode_text), asked, 0))
    lines.append(await measure(pointwise, asked, depth, judge))
    lines.append(await measure(blended, asked, depth, judge))
    cheap = BlendedReranker(SentenceReranker(encoder.encode_text), Blend.load(shipped.FIRST))
    lines.append(await measure(cheap, asked, 0))
    cascade = cascade_of(cheap, blended, depth)
    line = await measure(cascade, asked, 0, judge)
    dear = cascade.calls[blended.name] / len(asked)
    lines.append(Line(name=line.name, ndcg=line.ndcg, calls=dear, milliseconds=float("nan")))
    if others:
        chat = LocalChat("smollm2")
        few = random.Random(1).sample(list(asked), min(_SMALL, len(asked)))
        lines.append(await measure(FirstStage(), few, 0))
        for reranker, calls in (
            (PointwiseReranker(LocalJudge(chat)), 4),
            (PairwiseReranker(ChatChoices(chat), in_words, top=4), 12),
            (ListwiseReranker(chat, in_words, window=4, step=2, rounds=2), 2),
        ):
            lines.append(await measure(reranker, few, calls, best=4))
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="quality against cost of rerankers on the stamps")
    parser.add_argument("--quick", action="store_true", help="every fifth stamp, 24 questions, the best 10")
    parser.add_argument("--stamps", type=Path, help="folder of stamps; fetched from Debian if not given")
    parser.add_argument("--questions", type=int, help="so many captions, drawn by seed 0, instead of all")
    chosen = parser.parse_args()
    stamps = read_stamps(chosen.stamps or fetch_stamps(platformdirs.user_cache_path("foveate") / "datasets"))
    stamps = stamps[::5] if chosen.quick else stamps
    depth = _QUICK_DEPTH if chosen.quick else _DEPTH
    encoder = MiniEncoder()
    asked = questions(stamps, encoder, depth, 24 if chosen.quick else chosen.questions)
    lines = asyncio.run(run(asked, encoder, depth, not (chosen.quick or chosen.questions)))
    report(lines, asked, stamps, depth)


def report(lines: Sequence[Line], asked: Sequence[Asked], stamps: Sequence[Stamp], depth: int) -> None:
    """A table, and the last line."""
    counts = Counter(stamp.caption for stamp in stamps)
    weights = np.array([counts[one.question] for one in asked])
    print(f"{len(asked)} captions of {len(stamps)} stamps, best {depth} of {lines[0].name}")
    for line in lines:
        every = len(line.ndcg) == len(asked)
        mean = float(np.average(line.ndcg, weights=weights if every else None))
        cost = "judgements shared" if np.isnan(line.milliseconds) else f"{line.milliseconds:.0f} ms"
        few = "" if every else f"  ({len(line.ndcg)} questions)"
        print(f"  {line.name:50.50} nDCG@10 {mean:.4f}  {line.calls:5.1f} calls  {cost}{few}")
    first, _, _, dear, _, cascade = lines[:6]
    spread = np.repeat(np.arange(len(asked)), weights)
    groups = [asked[i].question for i in spread]
    found = paired(dear.ndcg[spread][:, None], first.ndcg[spread][:, None], groups=groups)
    means = {line.name: float(line.ndcg[spread].mean()) for line in (first, dear, cascade)}
    share = means[cascade.name] / means[dear.name]
    finish(
        "rerank_lift" if len(stamps) > 200 else "rerank_lift_every_fifth",
        found.difference,
        "nDCG@10",
        goal=_GOAL,
        baseline=round(means[first.name], 4),
        higher=True,
        ok=found.difference >= _GOAL and found.low > 0 and share >= 0.98 and cascade.calls <= _SHARE * depth,
        low=round(found.low, 4),
        high=round(found.high, 4),
        dear=round(means[dear.name], 4),
        cascade=round(means[cascade.name], 4),
        cascade_share=round(share, 4),
        cascade_calls=round(cascade.calls / depth, 4),
        questions=len(asked),
    )


if __name__ == "__main__":
    main()
