"""A collection in small, a suite over it, and a real language model of random weights."""

import json
from pathlib import Path

import pytest

from foveate.evals.suite import Suite, TargetSpec, TaskSpec
from foveate.settings import Settings
from tests.rerankers import tiny

FACTS = {
    "museum": "The harbour museum opens at ten. It is free.",
    "ferry": "The ferry to the island takes half an hour. It carries eighty people.",
    "bread": "Bake the sourdough loaf for twenty minutes with the lid on.",
    "kite": "A red kite is a bird of prey with a forked tail.",
    "tides": "High water comes fifty minutes later each day.",
    "compost": "Turn the compost heap after three weeks and keep it moist.",
}


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A folder in the form of the sample collection."""
    folder = tmp_path / "examples"
    (folder / "sample" / "documents").mkdir(parents=True)
    rows = []
    for name, text in FACTS.items():
        (folder / "sample" / "documents" / f"{name}.txt").write_text(text)
        for number, question in enumerate((text.split(".")[0] + "?", f"Tell me of the {name}")):
            rows.append(
                {
                    "id": f"{name}-{number}",
                    "split": "plain",
                    "modality": "text" if number else "words",
                    "question": question,
                    "targets": [f"documents/{name}.txt"],
                }
            )
    (folder / "questions_plain.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "answers.jsonl").write_text(
        "".join(json.dumps({"id": f"{name}-0", "answers": [text.split()[-1]]}) + "\n" for name, text in FACTS.items())
    )
    return folder


@pytest.fixture
def suite(examples: Path) -> Suite:
    return Suite(
        name="small",
        draws=200,
        target=TargetSpec(kind="agent", encoder="hashed"),
        tasks=(
            TaskSpec(
                name="search",
                task="retrieval",
                dataset="sample",
                folder=str(examples),
                settings={"depth": 5},
                metrics=("hit@1", "mrr@5"),
                slices=("modality",),
            ),
            TaskSpec(
                name="answers",
                task="question_answering",
                dataset="sample",
                folder=str(examples),
                options={"split": "answers"},
                metrics=("contains", "citation_recall", "aurc", "ece"),
            ),
        ),
    )


@pytest.fixture(scope="session")
def chat(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"local:{tiny.build(tmp_path_factory.mktemp('models') / 'tiny')}"


@pytest.fixture
def settings(tmp_path: Path, chat: str) -> Settings:
    return Settings.load(
        home=tmp_path / "never", encoder="hashed", generator=chat, decoders=0, budget={"answer_tokens": 8}
    )
