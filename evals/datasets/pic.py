"""Phrase-in-Context: phrases of the same meaning, in a passage, on a page, or in one of two senses.

Pham, Yoon, Bui and Nguyen, "PiC: A Phrase-in-Context Dataset for Phrase Understanding and Semantic Search", EACL 2023.
Files as the authors' loading scripts fetch them: ``TASK/SPLIT-v1.0.json``. Fields of PR-pass, PR-page and PSD are those
of the dataset cards: ``id``, ``title``, ``context``, ``query`` (the cards' list of fields says ``question``) and
``answers`` with ``text`` and ``answer_start``. Those of PS are ``phrase1, phrase2, sentence1, sentence2, label`` and
``idx``, as users of the published set name them. How the raw files wrap them could not be looked up, so both a list and
an object with ``data``, and both ``answers`` as an object of lists and as a list of objects, are read.

* PR-pass, PR-page: the query is a phrase, the document its passage or page, the answer the phrase there.
* PSD: the target phrase occurs in two senses and its text alone would always be right. The options are its occurrences
  with 200 characters around each, the right one is that at ``answer_start``; a phrase that occurs once leaves nothing
  to choose and stays unscored. This is how foveate asks; the published figure is exact match of text and start.
* PS: whether two phrases mean the same in a sentence: labels ``negative`` and ``positive`` (0 and 1).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_whole, rows_of
from foveate.evals.samples import Dataset, Document, Sample

__all__ = ["INFO", "LABELS", "TASKS", "read"]

TASKS = ("PR-page", "PR-pass", "PS", "PSD")
LABELS = ("negative", "positive")
_AROUND = 200

INFO = DatasetInfo(
    name="pic",
    title="Phrase-in-Context: phrase retrieval, sense disambiguation and similarity",
    tasks=("question_answering", "retrieval", "multiple_choice", "entailment"),
    paper="Pham et al., PiC: A Phrase-in-Context Dataset, EACL 2023",
    licence="CC BY-NC 4.0",
    get="""From https://phrase-in-context.github.io (the loading scripts of https://huggingface.co/PiC name
https://auburn.edu/~tmp0038/PiC/TASK/SPLIT-v1.0.json). FOLDER holds:
  PR-pass/test-v1.0.json
  PR-page/test-v1.0.json
  PSD/test-v1.0.json
  PS/test-v1.0.json""",
    options={
        "task": "PR-pass (default), PR-page, PSD or PS",
        "split": "test (default), dev or train",
        "scope": "of PR: given (default): the phrase's own document; all: every document is searched",
    },
)


def read(folder: Path, *, task: str = "PR-pass", split: str = "test", scope: str = "given") -> Dataset:
    """Read one split of one task; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file, a row that is not as published, no samples.
    """
    one_of("task", task, TASKS)
    one_of("split", split, ("dev", "test", "train"))
    one_of("scope", scope, ("all", "given"))
    rows = _rows(folder / task / f"{split}-v1.0.json")
    samples, documents = [], []
    for number, row in enumerate(rows):
        if task == "PS":
            samples.append(_similar(number, row))
        elif task == "PSD":
            samples.append(_sense(row))
        else:
            sample, document = _phrase(row, given=scope == "given")
            samples.append(sample)
            documents.append(document)
    return assembled(INFO, samples, documents, note=f"{task}, split {split}")


def _rows(path: Path) -> Iterator[Row]:
    body = json_whole(path)
    return rows_of(body["data"] if isinstance(body, dict) and "data" in body else body, path.name)


def _phrase(row: Row, *, given: bool) -> tuple[Sample, Document]:
    key, title = ident(row, "id"), row.get("title", str, "")
    sample = Sample(
        id=key,
        text=_query(row),
        candidates=(key,) if given else (),
        answers=tuple(text for text, _ in _answers(row)),
        relevant={key: 1.0},
        group=title or key,
    )
    return sample, Document(id=key, text=row.get("context", str), title=title or None, group=title or key)


def _sense(row: Row) -> Sample:
    context, key = row.get("context", str), ident(row, "id")
    phrase, start = _answers(row)[0]
    starts = [found.start() for found in re.finditer(re.escape(phrase), context, re.IGNORECASE)]
    if start not in starts:
        raise CallerError(f"{row.where}: field 'answers': {phrase!r} does not stand at character {start} of 'context'")
    return Sample(
        id=key,
        text=f"In which passage does {phrase!r} mean {_query(row)!r}?",
        options=tuple(_window(context, at, at + len(phrase)) for at in starts),
        choice=starts.index(start) if len(starts) > 1 else None,
        answers=(phrase,),
        group=row.get("title", str, "") or key,
        slices={"occurrences": str(len(starts))},
    )


def _similar(number: int, row: Row) -> Sample:
    first, second = row.get("phrase1", str), row.get("phrase2", str)
    sentences = row.find("sentence1", str), row.find("sentence2", str)
    label = row.get("label", int)
    if label not in (0, 1):
        raise row.bad("label", "0 or 1", label)
    contexts = "".join(f"\n{name}: {text}" for name, text in zip(("First", "Second"), sentences, strict=True) if text)
    key = ident(row, "idx") if "idx" in row.data else str(number)
    return Sample(
        id=key,
        text=f"Do {first!r} and {second!r} mean the same?{contexts}",
        labels=LABELS,
        label=LABELS[label],
        group=sentences[0] or key,
    )


def _query(row: Row) -> str:
    return row.get("query" if "query" in row.data else "question", str)


def _answers(row: Row) -> list[tuple[str, int]]:
    if isinstance(row.data.get("answers"), list):
        found = [(answer.get("text", str), answer.get("answer_start", int)) for answer in row.rows("answers")]
    else:
        inner = row.row("answers")
        starts = inner.get("answer_start", list)
        if not all(type(start) is int for start in starts):
            raise inner.bad("answer_start", "list of int", starts)
        found = list(zip(inner.texts("text"), starts, strict=False))
    if not found:
        raise row.bad("answers", "one answer or more", row.data.get("answers"))
    return found


def _window(text: str, start: int, end: int) -> str:
    left, right = max(0, start - _AROUND), min(len(text), end + _AROUND)
    while left > 0 and not text[left - 1].isspace():
        left -= 1
    while right < len(text) and not text[right].isspace():
        right += 1
    return text[left:right].strip()
