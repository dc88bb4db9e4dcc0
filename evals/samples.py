"""What an evaluation is made of: samples with what is right, the documents they look in, and what a system said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foveate.records import Reason, Verdict
from foveate.usage import Usage

__all__ = ["Dataset", "Document", "Output", "Place", "Sample", "Span"]

Span = tuple[float, float]
"""Start and end of a stretch of film, in seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One thing that can be found: a text, a picture, both together, a film or a moment of one."""

    id: str
    """Unique within its dataset."""
    text: str | None = None
    """Words of the document itself: a passage, a caption that may be searched. None for a bare picture."""
    image: str | None = None
    """Path of its picture."""
    film: str | None = None
    """Path of its film."""
    span: Span | None = None
    """The moment of the film; None for the whole."""
    file: str | None = None
    """Path of a file to be indexed as it lies there, whatever it holds, its sidecars with it."""
    title: str | None = None
    label: str | None = None
    """Class of a labelled example (few-shot support)."""
    pool: str = ""
    """Samples of this pool look only here; see :attr:`Sample.pool`."""
    group: str = ""
    """Media it comes from, where several documents share one: what bootstraps resample. Empty: itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where evidence lies: a document and, where the benchmark says so, a part of it."""

    document: str
    """Id of a :class:`Document`; of a multi-hop benchmark, the paragraph's."""
    sentence: int | None = None
    """Number of the sentence, from 0."""
    span: Span | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One question of a benchmark with what is right. What the benchmark does not say is None or empty."""

    id: str
    """Unique within its dataset."""
    text: str = ""
    """The question, query, claim or hypothesis."""
    images: tuple[str, ...] = ()
    """Paths of pictures that belong to the question."""
    films: tuple[str, ...] = ()
    """Paths of films that belong to the question."""
    exclude: str = ""
    """What must not be in a result (negated retrieval), where the benchmark gives it apart."""
    options: tuple[str, ...] = ()
    """Texts to choose from, in the benchmark's order."""
    image_options: tuple[str, ...] = ()
    """Paths of pictures to choose from."""
    candidates: tuple[str, ...] = ()
    """Ids of the documents to rank or read for this sample; empty: all of its pool."""
    pool: str = ""
    """Which documents it looks in: those with the same ``pool``."""
    answers: tuple[str, ...] = ()
    """Accepted answers or reference captions; of VQA sets the annotators' answers with their repeats."""
    choice: int | None = None
    """Index of the right option."""
    pairs: tuple[tuple[int, int], ...] = ()
    """Matching sets: (index in ``image_options``, index in ``options``) of what belongs together."""
    relevant: Mapping[str, float] = field(default_factory=dict)
    """Document id -> gain; what is not named counts 0."""
    facts: tuple[Place, ...] = ()
    """The evidence a right answer rests on."""
    spans: tuple[Span, ...] = ()
    """Right moments of the film."""
    label: str | None = None
    """Right class: ``entailed``, ``contradicted``, ``neutral``, ``true``, ``false`` ..."""
    labels: tuple[str, ...] = ()
    """Classes to choose from."""
    answerable: bool | None = None
    """False where a right system abstains; None where the benchmark does not say."""
    group: str = ""
    """Media that samples share: what bootstraps resample as a whole. Empty: the sample stands alone."""
    slices: Mapping[str, str] = field(default_factory=dict)
    """Properties to report apart: ``{"language": "de", "kind": "bridge"}``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """Samples with the documents they look in."""

    name: str
    samples: tuple[Sample, ...]
    documents: tuple[Document, ...] = ()
    """What is searched; empty for benchmarks that bring all they need in the sample."""
    licence: str = ""
    source: str = ""
    """Where the data comes from, for the report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """What a system said of one sample. None is "did not say", never a wrong answer."""

    text: str | None = None
    short: str | None = None
    """The answer in as few words as possible, where the system tells it apart."""
    ranking: tuple[tuple[str, float], ...] | None = None
    """(document id, score), best first."""
    choice: int | None = None
    """Index of the option chosen; -1 when what was said names none of them: wrong, not unscored."""
    matrix: tuple[tuple[float, ...], ...] | None = None
    """(pictures, texts) scores of a matching sample."""
    label: str | None = None
    verdict: Verdict | None = None
    reason: Reason | None = None
    confidence: float | None = None
    """Probability in [0, 1] that the answer is right."""
    cited: tuple[Place, ...] | None = None
    evidence: tuple[Mapping[str, Any], ...] = ()
    """Citations as the system gave them, for people to look at."""
    spans: tuple[Span, ...] | None = None
    usage: Usage = field(default_factory=Usage)
