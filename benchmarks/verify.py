"""Does the verifier read, or count shared words? ``python -m benchmarks.verify [--quick] [--adapter FOLDER]``.

Two sets, neither of which anything is trained on: the 170 hand-written pairs of ``examples/overlap.jsonl``, and pools
of invented facts in which at most one text tells of the claim while the others sound alike
(:func:`foveate.evals.overlap.mixed`). On the pools the joint verdict is held against that of the surest piece;
intervals are paired. Without a shipped adapter the untrained model reads, which guesses.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import finish
from foveate.agent.entailment import open_verifier
from foveate.errors import CallerError
from foveate.evals.fit_joint import judged, reranker_of
from foveate.evals.overlap import FAMILIES, Item, Mixed, mixed, read_items
from foveate.evals.stats import paired
from foveate.rerankers import shipped
from foveate.rerankers.local import LocalChat
from foveate.rerankers.reasoning.entailment import LABELS, Entailment
from foveate.rerankers.reasoning.joint import JointWeights, Piece, fit_joint, join, surest
from foveate.rerankers.reasoning.verdict_scale import ece_of, fit_scale

ITEMS = Path(__file__).parent.parent / "examples" / "overlap.jsonl"
POOLS, QUICK_POOLS = 90, 12
QUICK_EVERY = 5


def main() -> None:
    """Verify, print a table, print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="every fifth pair and 12 small pools")
    parser.add_argument("--adapter", type=Path, default=shipped.REASONER, help="LoRA adapter of smollm2")
    parser.add_argument("--reranker", default="sentences", help="gives relevance on the pools")
    chosen = parser.parse_args()
    adapter = chosen.adapter if chosen.adapter.is_dir() else None
    if adapter is None:
        print(f"no adapter at {chosen.adapter}: the untrained model reads")
    items = read_items(ITEMS)[:: QUICK_EVERY if chosen.quick else 1]
    pools = mixed(QUICK_POOLS if chosen.quick else POOLS, others=2 if chosen.quick else 4)
    chat = LocalChat("smollm2", adapter=adapter)
    try:
        report(*asyncio.run(run(chat, items, pools, chosen.reranker)), chat.name)
    finally:
        chat.close()


async def run(
    chat: LocalChat, items: Sequence[Item], pools: Sequence[Mixed], reranker: str
) -> tuple[Sequence[Item], list[Entailment], float, Sequence[Mixed], list[list[Piece]], JointWeights | None]:
    """All verdicts, and milliseconds a pair."""
    verifier, weights = open_verifier(chat)
    begun = time.perf_counter()
    said = await verifier.verify([(item.claim, item.evidence) for item in items])
    spent = 1000 * (time.perf_counter() - begun) / len(items)
    return items, said, spent, pools, await judged(pools, reranker_of(reranker), verifier), weights


def report(
    items: Sequence[Item],
    said: Sequence[Entailment],
    milliseconds: float,
    pools: Sequence[Mixed],
    pieces: Sequence[Sequence[Piece]],
    weights: JointWeights | None,
    name: str,
) -> None:
    """A table, and the last line."""
    right = np.array([one.label == item.label for one, item in zip(said, items, strict=True)])
    print(f"{name}: {len(items)} pairs, {milliseconds:.0f} ms a pair")
    for family in FAMILIES:
        print(f"  {family:12} {share(right, [item.family == family for item in items])}")
    joint = np.array([join(pool, weights).label == one.label for pool, one in zip(pieces, pools, strict=True)])
    alone = np.array([surest(pool) == one.label for pool, one in zip(pieces, pools, strict=True)])
    gain = paired(joint[:, None].astype(float), alone[:, None].astype(float))
    labels = [item.label for item in items]
    finish(
        "verify",
        gain.difference,
        "accuracy the joint verdict adds to the surest piece's, evidence that sounds alike",
        goal=0.0,
        baseline=round(float(alone.mean()), 4),
        higher=True,
        ok=gain.low > 0.0,
        low=round(gain.low, 4),
        high=round(gain.high, 4),
        joint=round(float(joint.mean()), 4),
        joint_fitted_on_the_other_half=crossfitted(pools, pieces),
        pairs=round(float(right.mean()), 4),
        plain=share(right, [item.family == "plain" for item in items]),
        overlap_not_entailed=share(right, [item.misleading for item in items]),
        little_overlap=share(right, [item.family == "paraphrase" for item in items]),
        ece=round(calibration_error(said, labels), 4),
        ece_fitted_on_other_folds=held_out_error(said, labels, name),
        milliseconds=round(milliseconds),
        model=name,
        fitted_weights=weights is not None,
    )


def share(right: "np.ndarray[tuple[int], np.dtype[np.bool_]]", where: Sequence[bool]) -> float | None:
    """Accuracy there; None where nothing is."""
    return round(float(right[np.array(where)].mean()), 4) if any(where) else None


def calibration_error(said: Sequence[Entailment], labels: Sequence[str]) -> float:
    """ECE of the likeliest label."""
    known = [(one.probabilities, LABELS.index(label)) for one, label in zip(said, labels, strict=True) if one.known]  # type: ignore[arg-type]
    return ece_of(np.array([row for row, _ in known]), np.array([label for _, label in known], dtype=np.int64))


def held_out_error(said: Sequence[Entailment], labels: Sequence[str], name: str) -> float | None:
    """ECE after a calibration that each fifth got from the other four; None where it cannot be fitted."""
    try:
        return round(fit_scale(said, labels, model=name).fitted.ece_after, 4)  # type: ignore[arg-type]
    except CallerError:
        return None


def crossfitted(pools: Sequence[Mixed], pieces: Sequence[Sequence[Piece]]) -> float | None:
    """Accuracy of joint weights that each half got from the other; None where there are too few pools."""
    halves = [[at for at in range(len(pools)) if at // 3 % 2 == half] for half in (0, 1)]  # labels come by threes
    if min(map(len, halves)) < 30:
        return None
    hits = 0
    for ours, theirs in (halves, halves[::-1]):
        weights = fit_joint([pieces[at] for at in theirs], [pools[at].label for at in theirs], model="")
        hits += sum(join(pieces[at], weights).label == pools[at].label for at in ours)
    return round(hits / len(pools), 4)


if __name__ == "__main__":
    main()
