"""Does hybrid search find the right picture or passage in the top 3? Hand-written questions on the sample collection.

Two sets of 60, both written from the captions and texts by hand, blind to the system: ``plain`` in everyday words
(``examples/questions_plain.jsonl``), and ``test``, the hard one, whose picture questions share at most one content word
with the caption (``examples/questions.jsonl``). Settings were chosen on the 20 ``dev`` questions, which are of the hard
kind, and on nothing else. Run: ``python -m benchmarks.questions [--quick] [--split dev --misses]``.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import finish
from foveate import Agent
from foveate.rerankers.scripted import ScriptedChat

EXAMPLES = Path(__file__).parent.parent / "examples"
GOAL = 0.9
TOP = 3


def main() -> None:
    """Index the sample with ``mini``, search each question, print the share found in the top 3."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the same: it takes half a minute")
    parser.add_argument("--split", choices=("dev", "plain", "test"), default="plain")
    parser.add_argument("--misses", action="store_true", help="print what was not found (dev only)")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        Agent.open("sample", home=Path(home), encoder="mini", model=ScriptedChat([])) as agent,
    ):
        agent.index(EXAMPLES / "sample")
        questions = load(options.split)
        ranks = [rank_of(agent, question, show=options.misses and options.split == "dev") for question in questions]
        words = [rank_of(agent, question, stage="bm25") for question in questions]
        hard = [rank_of(agent, question) for question in load("test")] if options.split == "plain" else ranks
    finish(
        "questions",
        share(ranks),
        f"share of {len(ranks)} {options.split} questions with the target in the top {TOP}",
        goal=GOAL,
        baseline=share(words),
        higher=True,
        baseline_is="BM25 alone",
        top1=round(sum(rank == 0 for rank in ranks) / len(ranks), 4),
        hard=share(hard),
        **{f"top{TOP}_{kind}": share(part) for kind, part in by_modality(questions, ranks).items()},
    )


def load(split: str) -> list[dict[str, object]]:
    """The questions of one split."""
    name = "questions_plain.jsonl" if split == "plain" else "questions.jsonl"
    lines = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["split"] == split]


def share(ranks: Sequence[int | None]) -> float:
    """Share of the questions whose target was found."""
    return round(sum(rank is not None for rank in ranks) / len(ranks), 4)


def by_modality(questions: Sequence[dict[str, object]], ranks: Sequence[int | None]) -> dict[str, list[int | None]]:
    """Ranks grouped by what the question is about."""
    groups: dict[str, list[int | None]] = {}
    for question, rank in zip(questions, ranks, strict=True):
        groups.setdefault(str(question["modality"]), []).append(rank)
    return groups


def rank_of(agent: Agent, question: dict[str, object], *, stage: str | None = None, show: bool = False) -> int | None:
    """Place of the first right chunk among the top ones, from 0; None when it is not there.

    Args:
        agent: with the sample indexed.
        question: one row of the questions file.
        stage: rank by this stage alone instead of the fused list.
        show: print what came instead, when it is missed.
    """
    results = agent.search(str(question["question"]), k=10 if stage is None else 40, fold=stage is None)
    if stage is not None:
        scored = [(hit.rank, result) for result in results if (hit := result.hit(stage))]
        results = [result for _, result in sorted(scored, key=lambda item: item[0])]
    targets = [str(target) for target in question["targets"]]  # type: ignore[attr-defined]
    files = [result.chunk.path for result in results][:TOP]
    for rank, path in enumerate(files):
        if any(path.endswith(target) for target in targets):
            return rank
    if show:
        print(f"missed: {question['question']}\n  wanted {targets}\n  got    {[f[-40:] for f in files]}")
    return None


if __name__ == "__main__":
    main()
