"""How each kind of task is put to a target, with real targets over drawn pictures."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.samples import Dataset, Document, Output, Sample
from foveate.evals.targets.encoder import EncoderTarget
from foveate.evals.targets.model import ModelTarget
from foveate.evals.tasks.running import Asked, answer, caption, classify, entail, find, match
from foveate.rerankers.scripted import ScriptedChat
from foveate.retrievers.encoders.hashed import HashedEncoder

COLOURS = {"red": (220, 30, 30), "blue": (40, 70, 210), "green": (40, 160, 60)}
ENCODER = HashedEncoder()


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, list[str]]:
    """Six noisy pictures of each colour."""
    rng = np.random.default_rng(0)
    made: dict[str, list[str]] = {}
    for name, colour in COLOURS.items():
        for number in range(6):
            noise = rng.integers(-12, 12, (32, 32, 3))
            path = tmp_path / f"{name}{number}.png"
            Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8)).save(path)
            made.setdefault(name, []).append(str(path))
    return made


def said(target: EncoderTarget | ModelTarget, run: object, sample: Sample, **options: object) -> Output:
    return asyncio.run(run(sample, Asked(target=target, dataset=Dataset(name="d", samples=()), options=options)))  # type: ignore[operator]


def test_a_picture_chooses_its_text(pictures: dict[str, list[str]]) -> None:
    sample = Sample(id="1", images=(pictures["blue"][0],), options=("a red thing", "a blue thing"), choice=1)
    output = said(EncoderTarget(ENCODER), match, sample)
    assert output.choice == 1
    assert output.matrix is not None and len(output.matrix) == 1 and len(output.matrix[0]) == 2


def test_a_text_chooses_its_picture(pictures: dict[str, list[str]]) -> None:
    sample = Sample(id="1", text="green", image_options=(pictures["red"][0], pictures["green"][0]))
    assert said(EncoderTarget(ENCODER), match, sample).choice == 1


def test_pairs_leave_the_choice_to_the_metric(pictures: dict[str, list[str]]) -> None:
    sample = Sample(id="1", image_options=(pictures["red"][0], pictures["blue"][0]), options=("red", "blue"))
    output = said(EncoderTarget(ENCODER), match, sample)
    assert output.choice is None and output.matrix is not None
    assert output.matrix[0][0] > output.matrix[0][1] and output.matrix[1][1] > output.matrix[1][0]


def test_a_tie_is_no_choice(pictures: dict[str, list[str]]) -> None:
    sample = Sample(id="1", images=(pictures["red"][0],), options=("red boat", "boat red"), choice=0)
    assert said(EncoderTarget(ENCODER), match, sample).choice == -1


def few_shot(pictures: dict[str, list[str]]) -> tuple[Dataset, list[Sample]]:
    """Names that say nothing of the colours: only examples can tell."""
    names = {"red": "alpha", "blue": "beta", "green": "gamma"}
    documents = [
        Document(id=path, image=path, label=names[colour]) for colour, paths in pictures.items() for path in paths[:4]
    ]
    samples = [
        Sample(id=path, images=(path,), label=names[colour], labels=("alpha", "beta", "gamma"))
        for colour, paths in pictures.items()
        for path in paths[4:]
    ]
    return Dataset(name="d", samples=tuple(samples), documents=tuple(documents)), samples


def test_examples_teach_classes_that_names_do_not(pictures: dict[str, list[str]]) -> None:
    data, samples = few_shot(pictures)
    target = EncoderTarget(ENCODER)

    def labels(**options: object) -> list[str | None]:
        asked = Asked(target=target, dataset=data, options=options)
        return [asyncio.run(classify(sample, asked)).label for sample in samples]

    right = [sample.label for sample in samples]
    assert labels(shots=3, weight=1.0) == right
    assert labels(shots=0) != right
    output = asyncio.run(classify(samples[0], Asked(target=target, dataset=data, options={"shots": 2})))
    assert output.ranking is not None and {name for name, _ in output.ranking} == {"alpha", "beta", "gamma"}


def test_names_alone_do_when_they_say_it(pictures: dict[str, list[str]]) -> None:
    sample = Sample(id="1", images=(pictures["green"][5],), label="green", labels=("red", "blue", "green"))
    assert said(EncoderTarget(ENCODER), classify, sample, prompt="{label}").label == "green"


def test_too_few_examples_are_said(pictures: dict[str, list[str]]) -> None:
    data, samples = few_shot(pictures)
    asked = Asked(target=EncoderTarget(ENCODER), dataset=data, options={"shots": 9})
    with pytest.raises(CallerError, match="class 'alpha' of 'd' has 4 examples; 9 shots are asked"):
        asyncio.run(classify(samples[0], asked))


@pytest.mark.parametrize("value", [-1, 1.5, "ten", True])
def test_options_are_whole_numbers(value: object) -> None:
    with pytest.raises(CallerError, match="'depth' must be a whole number"):
        said(EncoderTarget(ENCODER), find, Sample(id="1", text="x"), depth=value)


def test_answers_with_options_and_classes() -> None:
    chat = ScriptedChat(["B", "I cannot tell.", "entailed", "The third one", "maybe so"])
    target = ModelTarget(chat)
    sample = Sample(id="1", text="Which?", options=("cat", "dog"))
    assert said(target, answer, sample).choice == 1
    silent = said(target, answer, sample)
    assert (silent.choice, silent.verdict) == (-1, "unanswerable")
    claim = Sample(id="2", text="It rains.", labels=("entailed", "contradicted"))
    assert said(target, entail, claim).label == "entailed"
    assert said(target, answer, sample).choice == -1
    assert said(target, entail, claim).label == ""
    assert "A. cat" in chat.calls[0].messages[-1].text and "entailed, contradicted" in chat.calls[2].messages[-1].text


def test_captions(pictures: dict[str, list[str]]) -> None:
    chat = ScriptedChat(["A red field."], sees=True)
    output = said(ModelTarget(chat), caption, Sample(id="1", images=(pictures["red"][0],)), instruction="Say it.")
    assert output.text == "A red field." and chat.calls[0].messages[-1].text == "Say it."
