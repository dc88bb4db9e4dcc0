"""Fit the judge that ships: ``python -m foveate.evals.fit_judge --out agent/answerability/mini.json``.

The training half of :mod:`foveate.evals.unanswerable` is asked of the agent's own nodes, question by question; some
two-hop questions of the training half stand beside it, so that longer chains are known. What the alignment head says
of a training row comes from a head that never saw its group (``out-of-fold.jsonl`` of ``foveate train answerability``).
Nothing of the test half is read.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import platformdirs

from foveate.agent.answerability.files import save_fitted
from foveate.agent.answerability.fitting import Fit, Row, fit_combiner
from foveate.agent.answerability.policy import fit_policy
from foveate.agent.answerability.weighing import HEAD, log_odds
from foveate.evals.unanswerable.asking import collections
from foveate.evals.unanswerable.build import build
from foveate.evals.unanswerable.gather import Gathered, gather
from foveate.rerankers import shipped
from foveate.rerankers.local import LocalChat
from foveate.retrievers.encoders.presets import load_encoder
from foveate.retrievers.training.countries.questions import Question, balanced

__all__ = ["LEFT_OUT", "fitted", "main", "rows_of"]

_TWO_HOP = 60
_CACHE = platformdirs.user_cache_path("foveate")
LEFT_OUT = frozenset({"pictures", "steps", "question_words", "none_offered"})
"""Told in the trace, but not weighed: what kind of question an item is gives its form away, here alone."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Gather, fit, write, print figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the judge")
    parser.add_argument("--rows", type=Path, default=_CACHE / "training" / "judge-rows.jsonl", help="kept, added to")
    parser.add_argument("--out-of-fold", type=Path, required=True, help="by `foveate train answerability`")
    options = parser.parse_args(arguments)
    made = build(_CACHE / "datasets" / "unanswerable", _CACHE)
    items = [item for item in made if item["split"] == "train"] + two_hop(_CACHE / "datasets" / "kb")
    rows: list[Gathered] = []
    for agent, some in collections(items, _CACHE):
        rows += gather(agent, some, options.rows, progress=_tell)
    heads = [json.loads(line) for line in options.out_of_fold.read_text("utf-8").splitlines()]
    with closing(LocalChat("smollm2", adapter=shipped.REASONER)) as chat:
        reasoner = chat.name
    out_of_fold = {head["id"]: head for head in heads}
    fit = fitted(rows, out_of_fold, encoder=load_encoder("mini").fingerprint, reasoner=reasoner)
    save_fitted(options.out, fit.combiner, fit_policy(fit.asked(rows_of(rows, {}))))
    json.dump(_figures(fit, rows), sys.stdout, indent=2)
    sys.stdout.write("\n")


def two_hop(folder: Path) -> list[dict[str, Any]]:
    """Some two-hop questions of the training half, as items."""
    lines = (folder / "questions.jsonl").read_text("utf-8").splitlines()
    asked = [Question(**row) for line in lines if (row := json.loads(line))["half"] == "train"]
    chosen = balanced([question for question in asked if question.kind == "two_hop"], _TWO_HOP)
    return [
        {
            "id": f"two_hop/{question.id}",
            "group": question.countries[0],
            "pair": f"two_hop/{question.id}",
            "form": "two_hop",
            "setting": "base",
            "source": "kb",
            "question": question.text,
            "options": [],
            "choice": None,
            "answers": list(question.answers),
            "picture": None,
            "answerable": True,
            "reason": "none",
            "collection": "kb",
        }
        for question in chosen
    ]


def rows_of(rows: Sequence[Gathered], heads: Mapping[str, Mapping[str, float]]) -> list[Row]:
    """As the combiner takes them, with the head's words of a head that never saw the row."""
    found = []
    for row in rows:
        signals = {name: value for name, value in row.signals.items() if name not in LEFT_OUT}
        said = heads.get(row.id)
        if said is not None:
            signals |= {name: log_odds(said[name.removeprefix("head_")]) for name in HEAD}
        found.append(Row(signals=signals, outcome=row.outcome, group=row.group, form=row.form))
    return found


def fitted(rows: Sequence[Gathered], heads: Mapping[str, Mapping[str, float]], *, encoder: str, reasoner: str) -> Fit:
    """The combiner with its held-out figures."""
    return fit_combiner(rows_of(rows, heads), made_for={"encoder": encoder, "reasoner": reasoner})


def _figures(fit: Fit, rows: Sequence[Gathered]) -> dict[str, Any]:
    return {
        "setting": str(fit.setting),
        "auroc": round(fit.auroc, 4),
        "forms": {name: round(value, 4) for name, value in fit.forms.items()},
        "ece": round(fit.ece, 4),
        "log_loss": round(fit.log_loss, 4),
        "losses": {str(name): round(value, 4) for name, value in fit.losses.items()},
        "rows": Counter(row.outcome for row in rows),
        "groups": fit.groups,
    }


def _tell(done: int, total: int) -> None:
    if done % 100 == 0:
        sys.stderr.write(f"{done} of {total}\n")


if __name__ == "__main__":
    main()
