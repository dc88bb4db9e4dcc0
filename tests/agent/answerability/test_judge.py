"""The judge in the graph: it abstains with a reason, and only where it was fitted for the models in use."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate import Agent
from foveate.agent.answerability.files import save_fitted
from foveate.agent.answerability.fitting import Row, fit_combiner
from foveate.agent.answerability.judge import SHIPPED, load_judge
from foveate.agent.answerability.policy import fit_policy
from foveate.agent.answerability.weighing import SIGNALS
from foveate.errors import CallerError, ModelError
from foveate.rerankers.protocols import Message
from foveate.rerankers.scripted import ScriptedChat
from foveate.rerankers.sentences import SentenceReranker, Weights
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.settings import Settings

ENCODER = HashedEncoder()
QUESTION = "When does the harbour museum open?"
FALSE = "When does the harbour museum of Atlantis open?"


def reads(messages: Sequence[Message]) -> str:
    """A reader that copies the time, and a planner that does not plan."""
    return "ten" if "opens at ten" in messages[-1].text else "none"


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judge that learnt from made rows that names which the evidence does not hold make a false premise."""
    numbers = np.random.default_rng(0)
    rows = []
    for i in range(300):
        false, missing = i % 3 == 1, i % 3 == 2
        held = 0.4 if false else 1.0
        signals = {
            "names_held": held + float(numbers.normal(0, 0.05)),
            "names_together": held + float(numbers.normal(0, 0.05)),
            "read": 0.0 if missing else 1.0,
        }
        outcome = "false_premise" if false else "no_evidence" if missing else "right"
        rows.append(Row(signals=signals, outcome=outcome, group=str(i), form=outcome))
    fit = fit_combiner(rows, method="logistic", made_for={"encoder": ENCODER.fingerprint, "reasoner": "reader"})
    path = tmp_path_factory.mktemp("judge") / "judge.json"
    save_fitted(path, fit.combiner, fit_policy(fit.asked(rows)))
    return path


def open_agent(home: Path, judge: Path | str, *, reader: str = "reader", risk: float | None = 0.1) -> Agent:
    return Agent.open(
        "c",
        settings=Settings.load(home=home, decoders=0, judge=str(judge), target_risk=risk),
        encoder=ENCODER,
        model=ScriptedChat(lambda _: "The harbour museum opens at ten.", name="writer"),
        reasoner=ScriptedChat(reads, name=reader),
        reranker=SentenceReranker(ENCODER.encode_text, Weights(bias=-4.0)),
    )


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "museum.md").write_text("# Harbour museum\n\nThe harbour museum opens at ten. It is free.\n")
    return folder


def test_what_is_held_is_answered_with_a_calibrated_confidence(tmp_path: Path, media: Path, fitted: Path) -> None:
    with open_agent(tmp_path / "home", fitted) as agent:
        agent.index(media)
        answer = agent.ask(QUESTION)
    judged = next(event for event in answer.trace if event["stage"] == "judge")
    assert (answer.verdict, answer.short) == ("answered", "ten")
    assert answer.confidence == judged["confidence"] > judged["threshold"]
    assert judged["judged"] and set(judged["signals"]) <= set(SIGNALS) and judged["because"]


def test_a_false_premise_is_refused_by_name(tmp_path: Path, media: Path, fitted: Path) -> None:
    with open_agent(tmp_path / "home", fitted) as agent:
        agent.index(media)
        answer = agent.ask(FALSE)
    assert (answer.verdict, answer.reason, answer.short, answer.citations) == (
        "unanswerable",
        "false_premise",
        None,
        (),
    )
    assert "Atlantis" in answer.text and "museum.md" in answer.text and answer.confidence < 0.5


def test_without_a_judge_everything_is_as_it_was(tmp_path: Path, media: Path) -> None:
    with open_agent(tmp_path / "home", "none") as agent:
        agent.index(media)
        answer = agent.ask(FALSE)
    assert answer.verdict == "answered"
    assert next(event for event in answer.trace if event["stage"] == "judge")["judged"] is False


def test_a_judge_of_ones_own_for_other_models_is_refused(tmp_path: Path, media: Path, fitted: Path) -> None:
    with open_agent(tmp_path / "home", fitted, reader="another") as agent:
        agent.index(media)
        with pytest.raises(CallerError, match="another reasoner"):
            agent.ask(QUESTION)


def test_the_shipped_judge_leaves_other_models_alone() -> None:
    assert load_judge(None, encoder="another", reasoner="reader", target_risk=None) is None


def test_the_shipped_judge_knows_its_signals() -> None:
    from foveate.agent.answerability.files import load_fitted

    combiner, policy = load_fitted(SHIPPED)
    assert set(combiner.features) <= set(SIGNALS)
    assert combiner.made_for["reasoner"] == "smollm2+mini_reasoner"
    assert 0.0 <= policy.threshold(None) < policy.threshold(0.1) <= 1.0


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "judge.json").write_text("{}")
    with pytest.raises(ModelError, match=r"judge\.json"):
        load_judge(tmp_path / "judge.json", encoder="e", reasoner="r", target_risk=None)


def test_options_are_chosen_by_what_was_read(tmp_path: Path, media: Path) -> None:
    with open_agent(tmp_path / "home", "none") as agent:
        agent.index(media)
        answer = agent.ask(QUESTION, options=["nine", "ten", "noon"])
        written = agent.ask(f"{QUESTION}\n(a) nine\n(b) ten")
    assert (answer.choice, answer.short, answer.verdict) == (1, "ten", "answered")
    assert answer.text.startswith("B. ten\n") and answer.citations[0].source.endswith("museum.md")
    assert written.choice == 1 and written.text.startswith("(b) ten")


def test_options_of_a_question_about_a_picture_without_one(tmp_path: Path, media: Path, fitted: Path) -> None:
    with open_agent(tmp_path / "home", fitted) as agent:
        answer = agent.ask("What does this picture show?", options=["a cat", "a dog", "None of the above"])
    assert (answer.verdict, answer.choice) == ("unanswerable", 2)
    assert answer.text.startswith("C. None of the above\n")


def test_a_picture_of_one_colour(tmp_path: Path, media: Path, fitted: Path) -> None:
    Image.new("RGB", (40, 40), "grey").save(tmp_path / "grey.png")
    with open_agent(tmp_path / "home", fitted) as agent:
        agent.index(media)
        answer = agent.ask("What is it?", images=tmp_path / "grey.png", options=["a cat", "a dog"])
    assert answer.verdict in ("answered", "unanswerable") and 0.0 <= answer.confidence <= 1.0


def test_thresholds_rise_with_caution(fitted: Path) -> None:
    made = {"encoder": ENCODER.fingerprint, "reasoner": "reader"}
    judges = [load_judge(fitted, **made, target_risk=risk) for risk in (0.3, 0.1)]
    assert all(judges)
    loose, strict = (judge.threshold for judge in judges[:2] if judge)
    assert loose <= strict
    sure = judges[0].weigh({"names_held": 1.0, "names_together": 1.0, "read": 1.0}) if judges[0] else None
    assert sure is not None and not sure.abstains and replace(sure, threshold=1.1).abstains
