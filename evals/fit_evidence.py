"""Fit the weights of :class:`foveate.rerankers.sentences.SentenceReranker` on dev questions.

Each dev question is searched on the sample collection; a candidate counts as relevant when its file is one of the
question's targets. Two small logistic regressions follow, one over texts (best sentence), one over
pictures (``z_image``). The first ten unanswerable questions give more candidates that are not relevant. Run:
``python -m foveate.evals.fit_evidence examples``.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.agent.sdk import Agent
from foveate.errors import ExtraMissing
from foveate.records import Result
from foveate.rerankers.scripted import ScriptedChat
from foveate.rerankers.sentences import sentences_of
from foveate.retrievers.encoders.presets import load_encoder
from foveate.retrievers.protocols import Encoder

__all__ = ["fit", "main"]

_UNANSWERABLE = 10
_CANDIDATES = 40


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the weights as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds sample/, questions.jsonl and unanswerable.jsonl")
    folder = parser.parse_args(arguments).folder
    encoder = load_encoder("mini")
    with (
        tempfile.TemporaryDirectory() as home,
        Agent.open("fit", home=Path(home), encoder=encoder, model=ScriptedChat([])) as agent,
    ):
        agent.index(folder / "sample")
        texts, pictures = gather(agent, encoder, dev_questions(folder))
    body = {
        **dict(zip(("bias", "sentence"), fit(texts), strict=True)),
        **dict(zip(("picture_bias", "picture"), fit(pictures), strict=True)),
        "texts": [len(texts), int(texts[:, 0].sum())],
        "pictures": [len(pictures), int(pictures[:, 0].sum())],
    }
    json.dump(body, sys.stdout, indent=2)
    sys.stdout.write("\n")


def dev_questions(folder: Path) -> list[tuple[str, list[str]]]:
    """(question, targets) of the dev split; unanswerable ones have no target."""

    def rows(name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]

    asked = [(row["question"], row["targets"]) for row in rows("questions.jsonl") if row["split"] == "dev"]
    return asked + [(row["question"], []) for row in rows("unanswerable.jsonl")[:_UNANSWERABLE]]


def gather(
    agent: Agent, encoder: Encoder, questions: Sequence[tuple[str, list[str]]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows of (label, features) of all candidates: (n, 2) for texts and (m, 2) for pictures."""
    found = [
        (question, result, float(any(result.chunk.path.endswith(target) for target in targets)))
        for question, targets in questions
        for result in agent.search(question, k=_CANDIDATES)
    ]
    # One call for all: the encoder sorts by length, and most sentences come up for several questions.
    words = list(dict.fromkeys(text for question, result, _ in found for text in (question, *sentences_of(result))))
    rows = dict(zip(words, encoder.encode_text(words), strict=True))
    texts: list[list[float]] = []
    pictures: list[list[float]] = []
    for question, result, label in found:
        if hit := result.hit("z_image"):
            pictures.append([label, hit.score])
        if sentences := sentences_of(result):
            best = max(float(rows[sentence] @ rows[question]) for sentence in sentences)
            texts.append([_label(label, result, best), best])
    return np.array(texts), np.array(pictures)


def _label(label: float, result: Result, best: float) -> float:
    # A long document is relevant as a file; of its passages only those that come near the question are.
    return label if result.chunk.part != "passage" or best > 0.3 else 0.0


def fit(rows: NDArray[np.float64]) -> list[float]:
    """Intercept and slope of a logistic regression of column 0 on column 1, both classes weighing the same."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise ExtraMissing("scikit-learn", "train") from error
    model = LogisticRegression(C=10.0, class_weight="balanced").fit(rows[:, 1:], rows[:, 0])
    return [round(float(value), 3) for value in (model.intercept_[0], *model.coef_[0])]


if __name__ == "__main__":
    main()
