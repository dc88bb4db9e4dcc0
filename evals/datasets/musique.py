"""MuSiQue (Trivedi et al., TACL 2022): two to four hops, and the same questions with a needed paragraph taken away.

Files as https://github.com/StonyBrookNLP/musique gives them: JSON lines of ``{id, paragraphs: [{idx, title,
paragraph_text, is_supporting}], question, question_decomposition, answer, answer_aliases, answerable}``; the test files
lack the last four. ``id`` starts with the number of hops (``2hop__``, ``3hop1__``). In the full files each question
comes twice under one id, once answerable and once not.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident
from foveate.evals.reading.options import one_of, yes
from foveate.evals.reading.paragraphs import POOL, Paragraphs
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.evals.samples import Dataset, Place, Sample

__all__ = ["INFO", "read"]

_SPLITS = ("train", "dev", "test")
_SETTINGS = {"answerable": "ans", "full": "full"}

INFO = DatasetInfo(
    name="musique",
    title="MuSiQue: two- to four-hop questions, answerable and not",
    tasks=("multi_hop", "unanswerability", "retrieval", "reranking"),
    paper="Trivedi, Balasubramanian, Khot and Sabharwal, TACL 2022",
    licence="CC-BY-4.0",
    get=(
        "Run download_data.sh of https://github.com/StonyBrookNLP/musique, or follow the link in its README, and put\n"
        "into the folder: musique_ans_v1.0_{train,dev,test}.jsonl, musique_full_v1.0_{train,dev,test}.jsonl\n"
        "(each only where it is read)"
    ),
    options={
        "split": "train, dev (default) or test (without answers)",
        "setting": "answerable (default) or full, with unanswerable twins",
        "pool": POOL.replace("QUESTION/TITLE", "QUESTION/NUMBER"),
    },
)


def read(folder: Path, *, split: str = "dev", setting: str = "answerable", pool: str = "no") -> Dataset:
    """Read one file.

    A question and its unanswerable twin share ``slices["pair"]`` and group; the twin's id ends in ``/unanswerable``,
    and it has neither answers, facts nor relevant documents: what is left of its paragraphs does not carry an answer.

    Raises:
        CallerError: an unknown option, a missing file, a wrong row, or no sample.
    """
    part = _SETTINGS[one_of("setting", setting, tuple(_SETTINGS))]
    path = folder / f"musique_{part}_v1.0_{one_of('split', split, _SPLITS)}.jsonl"
    pooled = yes("pool", pool)
    paragraphs = Paragraphs()
    samples = list(_samples(path, paragraphs, pooled=pooled))
    return assembled(INFO, samples, paragraphs.all(), note=path.name)


def _samples(path: Path, paragraphs: Paragraphs, *, pooled: bool) -> Iterator[Sample]:
    for row in jsonl_rows(path):
        pair, answerable = ident(row, "id"), row.find("answerable", bool)
        name = f"{pair}/unanswerable" if answerable is False else pair
        ids, gold = _paragraphs(row, paragraphs, "" if pooled else f"{name}/")
        if answerable is False:
            gold = ()
        yield Sample(
            id=name,
            text=row.get("question", str),
            candidates=tuple(dict.fromkeys(ids)),
            answers=() if answerable is False else _answers(row),
            relevant=dict.fromkeys(gold, 1.0),
            facts=tuple(Place(document=document) for document in gold),
            answerable=answerable,
            group=pair,
            slices={"hops": pair.split("hop")[0], "type": pair.split("__")[0], "pair": pair},
        )


def _paragraphs(row: Row, paragraphs: Paragraphs, prefix: str) -> tuple[list[str], tuple[str, ...]]:
    """Ids of all paragraphs, and of the supporting ones."""
    ids, gold = [], []
    for inner in row.rows("paragraphs"):
        title = inner.get("title", str)
        base = f"{prefix}{inner.get('idx', int)}" if prefix else title
        name = paragraphs.add(base, title, inner.get("paragraph_text", str))
        ids.append(name)
        if inner.find("is_supporting", bool):
            gold.append(name)
    return ids, tuple(dict.fromkeys(gold))


def _answers(row: Row) -> tuple[str, ...]:
    answer = row.find("answer", str)
    if answer is None:
        return ()
    return (answer, *(row.texts("answer_aliases") if row.find("answer_aliases", list) else ()))
