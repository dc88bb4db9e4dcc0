"""How each kind of task is put to a target: a sample in, an output out."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from foveate.errors import CallerError
from foveate.evals.samples import Dataset, Document, Output, Sample
from foveate.evals.targets.protocols import Answers, Finds, Locates, Matches, Reranks, Says, Target
from foveate.evals.tasks.choices import as_question, parse_choice, parse_label

__all__ = ["Asked", "Run", "answer", "caption", "classify", "entail", "find", "locate", "match", "rerank"]

_DEPTH = 100
_MOMENTS = 10
_CAPTION = "Describe the picture in one sentence."


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a task is run with, beside the sample."""

    target: Target
    dataset: Dataset
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def number(self, name: str, default: int) -> int:
        """A whole-number option of the task."""
        value = self.options.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise CallerError(f"task option {name!r} must be a whole number of 0 or more, found {value!r}")
        return value


Run = Callable[[Sample, Asked], Awaitable[Output]]


async def find(sample: Sample, asked: Asked) -> Output:
    """Documents for a query, best first."""
    ranking = await cast(Finds, asked.target).find(sample, asked.number("depth", _DEPTH))
    return Output(ranking=tuple(ranking))


async def locate(sample: Sample, asked: Asked) -> Output:
    """Moments of films for a query, best first."""
    spans = await cast(Locates, asked.target).locate(sample, asked.number("depth", _MOMENTS))
    return Output(spans=tuple(spans))


async def rerank(sample: Sample, asked: Asked) -> Output:
    """The first stage's best documents in a better order."""
    ranking = await cast(Reranks, asked.target).rerank(sample, asked.number("depth", _DEPTH))
    return Output(ranking=tuple(ranking))


async def answer(sample: Sample, asked: Asked) -> Output:
    """An answer; with options, the one it names."""
    output = await cast(Answers, asked.target).ask(sample, as_question(sample))
    if not sample.options or output.text is None:
        return output
    if output.verdict == "unanswerable":
        return replace(output, choice=-1)
    return replace(output, choice=parse_choice(output.text, sample.options))


async def entail(sample: Sample, asked: Asked) -> Output:
    """The class that an answer names."""
    output = await cast(Answers, asked.target).ask(sample, as_question(sample))
    return output if output.text is None else replace(output, label=parse_label(output.text, sample.labels))


async def caption(sample: Sample, asked: Asked) -> Output:
    """A sentence about the sample's pictures."""
    instruction = asked.options.get("instruction", _CAPTION)
    return await cast(Says, asked.target).say(sample.images, str(instruction))


async def match(sample: Sample, asked: Asked) -> Output:
    """Similarities of pictures and texts; the choice is the best option for the (one) picture, or the reverse."""
    pictures = sample.image_options or sample.images
    texts = sample.options or (sample.text,)
    rows = await cast(Matches, asked.target).match(pictures, texts)
    matrix = tuple(tuple(row) for row in rows)
    if len(pictures) == 1:
        return Output(matrix=matrix, choice=_best(matrix[0]))
    if len(texts) == 1:
        return Output(matrix=matrix, choice=_best([row[0] for row in matrix]))
    return Output(matrix=matrix)


def _best(scores: Sequence[float]) -> int:
    """The one best option; a tie is no choice, so that an encoder that cannot tell does not score by position."""
    best = [i for i, score in enumerate(scores) if score == max(scores)]
    return best[0] if len(best) == 1 else -1


async def classify(sample: Sample, asked: Asked) -> Output:
    """The class of a picture, from class names and ``shots`` labelled pictures of each.

    A class scores ``weight`` times the mean cosine to its example pictures plus the rest times the cosine to its name
    (``prompt`` around it); each of the two standardised over the classes, since they live on different scales.
    """
    matcher = cast(Matches, asked.target)
    shots, weight = asked.number("shots", 0), float(asked.options.get("weight", 0.5))
    prompt = str(asked.options.get("prompt", "A picture of {label}."))
    pictures = sample.images[:1]
    names = [prompt.replace("{label}", label) for label in sample.labels]
    scores = _standard((await matcher.match(pictures, names))[0])
    support = _support(asked.dataset, sample.labels, shots, asked.seed)
    if shots:
        seen = await matcher.alike(pictures, [str(document.image) for document in support])
        means = [
            np.mean([cosine for cosine, document in zip(seen[0], support, strict=True) if document.label == label])
            for label in sample.labels
        ]
        scores = (1 - weight) * scores + weight * _standard(means)
    order = np.argsort(-scores, kind="stable")
    return Output(
        label=sample.labels[order[0]],
        ranking=tuple((sample.labels[i], float(scores[i])) for i in order),
    )


def _standard(scores: Sequence[Any]) -> Any:
    values = np.asarray(scores, dtype=np.float64)
    return (values - values.mean()) / max(float(values.std()), 1e-9)


def _support(dataset: Dataset, labels: Sequence[str], shots: int, seed: int) -> list[Document]:
    """``shots`` labelled pictures of each class, drawn by seed; the same for every sample."""
    chosen: list[Document] = []
    for number, label in enumerate(labels if shots else ()):
        there = sorted(
            (document for document in dataset.documents if document.label == label and document.image),
            key=lambda document: document.id,
        )
        if len(there) < shots:
            raise CallerError(f"class {label!r} of {dataset.name!r} has {len(there)} examples; {shots} shots are asked")
        picked = np.random.default_rng((seed, number)).permutation(len(there))[:shots]
        chosen += [there[i] for i in picked]
    return chosen
