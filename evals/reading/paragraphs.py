"""Paragraphs of multi-hop benchmarks, and the form that HotpotQA and 2WikiMultihopQA share."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.rows import Row
from foveate.evals.samples import Document, Place, Sample

__all__ = ["POOL", "Paragraphs", "hotpot_samples"]

POOL = "no: each question has its own paragraphs (id QUESTION/TITLE); yes: equal ones are one document (id TITLE)"
"""What readers say of their option ``pool``."""


class Paragraphs:
    """Documents by id, one a distinct text.

    A paragraph that comes again with the same text is the same document; one with the same base id and another text
    gets the first eight hexadecimal digits of its hash behind it, so that neither hides the other.
    """

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}

    def add(self, base: str, title: str, text: str) -> str:
        """Take in one paragraph and return its id."""
        known = self._documents.get(base)
        name = base
        if known is not None and known.text != text:
            name = f"{base}#{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        self._documents.setdefault(name, Document(id=name, text=text, title=title))
        return name

    def all(self) -> tuple[Document, ...]:
        """Every document, in order of first sight."""
        return tuple(self._documents.values())


@dataclass(frozen=True, slots=True)
class _Context:
    ids: tuple[str, ...]
    by_title: dict[str, str]


def hotpot_samples(
    rows: Iterable[Row], paragraphs: Paragraphs, *, pooled: bool, glue: str
) -> tuple[list[Sample], tuple[Document, ...]]:
    """Samples and documents of a file in HotpotQA's form.

    Supporting facts stay as published even where the paragraph is not among the candidates (full-wiki setting) or has
    no such sentence (a few hundred of HotpotQA): what a retriever missed must count as missed.

    Args:
        rows: of the file.
        paragraphs: where documents go.
        pooled: whether equal paragraphs of different questions are one document.
        glue: what joins sentences.

    Raises:
        CallerError: a field of another type.
    """
    samples = [_sample(row, paragraphs, pooled=pooled, glue=glue) for row in rows]
    return samples, paragraphs.all()


def _sample(row: Row, paragraphs: Paragraphs, *, pooled: bool, glue: str) -> Sample:
    name = ident(row, "_id")
    prefix = "" if pooled else f"{name}/"
    context = _context(row, paragraphs, prefix, glue)
    facts = tuple(
        Place(document=context.by_title.get(title, prefix + title), sentence=number) for title, number in _facts(row)
    )
    gold = dict.fromkeys((fact.document for fact in facts), 1.0)
    answer = row.find("answer", str)
    return Sample(
        id=name,
        text=row.get("question", str),
        candidates=context.ids,
        answers=() if answer is None else (answer,),
        relevant=gold,
        facts=facts,
        slices=slices_of(row, type="type", level="level") | ({"hops": str(len(gold))} if gold else {}),
    )


def _context(row: Row, paragraphs: Paragraphs, prefix: str, glue: str) -> _Context:
    by_title: dict[str, str] = {}
    ids: list[str] = []
    for number, value in enumerate(row.get("context", list)):
        if not _is_paragraph(value):
            raise row.bad(f"context[{number}]", "[title, [sentence, ...]]", value)
        title, sentences = value
        name = paragraphs.add(prefix + title, title, glue.join(sentences))
        by_title.setdefault(title, name)
        ids.append(name)
    return _Context(tuple(dict.fromkeys(ids)), by_title)


def _is_paragraph(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        return False
    return isinstance(value[1], list) and all(isinstance(sentence, str) for sentence in value[1])


def _facts(row: Row) -> list[tuple[str, int]]:
    """(title, sentence) pairs; a test file has none."""
    found: Sequence[object] = row.find("supporting_facts", list) or []
    pairs = []
    for number, value in enumerate(found):
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str) or type(value[1]) is not int:
            raise row.bad(f"supporting_facts[{number}]", "[title, sentence number]", value)
        pairs.append((value[0], value[1]))
    return pairs
