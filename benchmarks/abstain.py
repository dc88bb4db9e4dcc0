"""Knowing when not to answer: ``python -m benchmarks.abstain [--quick] [--risk 0.1]``.

The test half of :mod:`foveate.evals.unanswerable` (stamps and countries, split by concept; nothing was trained, fitted
or chosen on it), asked of the agent's own nodes in the embedded profile: 1,500 items and more in MM-UPD's three forms,
false premises, what the documents do not say, and an empty collection. In one run and on the same evidence: the judge,
the generator's own "I cannot tell" when prompted for it, and the best reranker probability alone. Intervals are 95%,
items of a concept drawn together.

``--quick`` asks one of each form and source over a small collection: that everything runs, not how well.
"""

import argparse
import asyncio
import json
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import platformdirs

from benchmarks.report import finish
from foveate.agent.answerability.judge import load_judge
from foveate.evals.unanswerable.asking import collections
from foveate.evals.unanswerable.build import build
from foveate.evals.unanswerable.gather import Gathered, gather
from foveate.evals.unanswerable.measure import accuracy, by_form, calibration, detection, dual, realised, shown
from foveate.evals.unanswerable.prompted import cannot_tell
from foveate.ids import digest, file_digest
from foveate.rerankers import shipped
from foveate.rerankers.local import LocalChat
from foveate.retrievers.alignment.head import WEIGHTS
from foveate.retrievers.encoders.presets import load_encoder

_CACHE = platformdirs.user_cache_path("foveate")
HEAD = WEIGHTS / "mini.safetensors"
_QUICK = 1
"""Items a form and source."""
_GOALS = {"auroc": 0.85, "form": 0.75, "ece": 0.05, "risk": 0.12, "cost": 0.02}


def main() -> None:
    """Ask, weigh, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few items of each form")
    parser.add_argument("--risk", type=float, default=0.1, help="share of wrong answers among those given, at most")
    parser.add_argument("--resume", action="store_true", help="go on where a run of this very code was cut off")
    options = parser.parse_args()
    made = build(_CACHE / "datasets" / "unanswerable", _CACHE)
    items = [item for item in made if item["split"] == "test"]
    items = few(items) if options.quick else items
    out = _CACHE / "benchmarks" / f"abstain-{digest(*(item['id'] for item in items), file_digest(HEAD))}.jsonl"
    out.parent.mkdir(parents=True, exist_ok=True)
    if options.quick or not options.resume:
        out.unlink(missing_ok=True)
    rows = asked(items, out, small=options.quick)
    report(rows, options.risk, asyncio.run(prompted(rows)))


def few(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Some pairs of each source, by hash."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for item in sorted(items, key=lambda item: digest("quick", item["pair"])):
        found.setdefault((item["source"], item["form"]), []).append(item)
    return [item for group in found.values() for item in group[:_QUICK]]


def asked(items: Sequence[Mapping[str, Any]], out: Path, *, small: bool) -> list[Gathered]:
    """All items, each of its collection."""
    began, rows = time.perf_counter(), []
    for agent, some in collections(items, _CACHE, small=small):
        rows += gather(agent, some, out)
    print(json.dumps({"items": len(rows), "seconds": round(time.perf_counter() - began)}), flush=True)
    return rows


async def prompted(rows: Sequence[Gathered]) -> list[float]:
    """Probability that the generator does not say "I cannot tell", told that it may."""
    chat = LocalChat("smollm2")
    try:
        return [1.0 - await cannot_tell(chat, row) for row in rows]
    finally:
        chat.close()


def report(rows: Sequence[Gathered], risk: float, generator: Sequence[float]) -> None:
    """Every figure on a line, then the summary."""
    with closing(LocalChat("smollm2", adapter=shipped.REASONER)) as chat:
        made_for = {"encoder": load_encoder("mini").fingerprint, "reasoner": chat.name}
    judge, usual = (load_judge(None, **made_for, target_risk=target) for target in (risk, None))
    assert judge is not None and usual is not None
    said = [judge.weigh(row.signals) for row in rows]
    scores = {
        "judge": [one.answerable for one in said],
        "generator": list(generator),
        "top_score": [row.signals.get("relevance", 0.0) for row in rows],
    }
    found = {name: detection(rows, values) for name, values in scores.items()}
    forms = {name: by_form(rows, values) for name, values in scores.items()}
    for name in scores:
        print(json.dumps({"auroc": name, "all": found[name].to_dict(), **shown(forms[name])}), flush=True)
    sure = calibration(rows, said)
    print(json.dumps({"confidence": shown(sure)}))
    at_risk, at_usual = (realised(rows, said, one.threshold) for one in (judge, usual))
    cost = {name: accuracy(rows, said, one.threshold) for name, one in (("target", judge), ("default", usual))}
    print(json.dumps({"target_risk": risk, "threshold": round(judge.threshold, 4), **shown(at_risk)}))
    print(json.dumps({"target_risk": None, "threshold": round(usual.threshold, 4), **shown(at_usual)}))
    for name, figures in cost.items():
        print(json.dumps({"answerable_accuracy": name, **shown(figures)}))
    for name, threshold in (("never", -math.inf), ("default", usual.threshold), ("target", judge.threshold)):
        print(json.dumps({"dual_accuracy": name, **shown(dual(rows, said, threshold))}), flush=True)
    worst = min(figure.value for figure in forms["judge"].values())
    facts = {
        "worst_form": round(worst, 4),
        "ece": round(sure["ece"].value, 4),
        "risk": round(at_risk["risk"].value, 4),
        "coverage": round(at_risk["coverage"].value, 4),
        "cost": round(cost["default"]["cost"].value, 4),
    }
    good = worst >= _GOALS["form"] and facts["ece"] <= _GOALS["ece"] and facts["cost"] <= _GOALS["cost"]
    good = good and facts["risk"] <= _GOALS["risk"] and found["judge"].value >= _GOALS["auroc"]
    finish(
        "abstain",
        found["judge"].value,
        f"AUROC of what can be answered, {len(rows)} items of unseen concepts",
        goal=_GOALS["auroc"],
        baseline=round(max(found["generator"].value, found["top_score"].value), 4),
        higher=True,
        **facts,
        ok=good,
    )


if __name__ == "__main__":
    main()
