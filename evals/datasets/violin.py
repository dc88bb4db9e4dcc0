"""VIOLIN (Liu et al., CVPR 2020): does a film clip with its subtitles entail a statement or contradict it?

File as https://github.com/jimmy646/violin gives it: ``violin_annotation.json`` maps a clip to ``{file, split, source,
span, sub: [[text, ...]], statement: [[true, false]]}`` with three pairs a clip. The authors' reader uses ``file``,
``split``, the first entry of each ``sub`` and ``statement``; ``source`` (YouTube id or episode) and ``span`` (seconds
in the source) come from other readers and are optional here. Splits are taken by the names in the file.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import interval
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Dataset, Document, Sample, Span

__all__ = ["INFO", "read"]

_LABELS = ("entailed", "contradicted")

INFO = DatasetInfo(
    name="violin",
    title="VIOLIN: video-and-language inference over clips with subtitles",
    tasks=("entailment",),
    paper="Liu, Chen, Cheng, Gan, Yu, Yang and Liu, CVPR 2020",
    licence="MIT (annotations; films are their owners')",
    get=(
        "https://github.com/jimmy646/violin links violin_annotation.json; put it into the folder. The films are not\n"
        "published: cut the clips from the sources yourself (videos/FILE.mp4), or keep whole sources\n"
        "(videos/SOURCE.mp4) and read with films='sources', or read subtitles alone with missing='keep'"
    ),
    options={
        "split": "as in the file: train, validate, test (default)",
        "films": "clips (default: videos/FILE.mp4 is the clip) or sources (videos/SOURCE.mp4, the clip is its span)",
        "missing": MISSING,
    },
)


def read(folder: Path, *, split: str = "test", films: str = "clips", missing: str = "raise") -> Dataset:
    """Read one split: two samples a pair, ``CLIP/NUMBER/entailed`` and ``.../contradicted``.

    The document of a clip has its subtitles as text, a line each, and is the one candidate of the clip's samples: what
    the statements are judged by is film and subtitles together. ``spans`` is set where films are whole sources.

    Raises:
        CallerError: an unknown option, a missing file or film, a wrong row, or no sample.
    """
    whole = one_of("films", films, ("clips", "sources")) == "sources"
    shown = Media(folder / "videos", missing, "film")
    path = folder / "violin_annotation.json"
    rows = [(row, row.get("split", str)) for row in json_rows(path)]
    one_of("split", split, sorted({name for _, name in rows}) or (split,))
    documents: list[Document] = []
    samples: list[Sample] = []
    for row in (row for row, name in rows if name == split):
        document = _document(row, shown, whole=whole)
        if document is not None:
            documents.append(document)
            samples.extend(_samples(row, document))
    return assembled(INFO, samples, documents, media=shown, note=path.name)


def _document(row: Row, films: Media, *, whole: bool) -> Document | None:
    clip = row.get("file", str).strip()
    path = films.path(row.get("source", str).strip() if whole else clip, row.where)
    if path is None:
        return None
    return Document(id=clip, text=_subtitles(row), film=path, span=_span(row) if whole else None, group=clip)


def _span(row: Row) -> Span:
    return interval(row, "span", row.get("span", list))


def _subtitles(row: Row) -> str | None:
    lines = row.find("sub", list)
    if not lines:
        return None
    for number, line in enumerate(lines):
        if not isinstance(line, list) or not line or not isinstance(line[0], str):
            raise row.bad(f"sub[{number}]", "[text, ...]", line)
    return "\n".join(line[0] for line in lines)


def _samples(row: Row, document: Document) -> Iterator[Sample]:
    if document.film is None:
        raise CallerError(f"{row.where}: a clip without film")
    for number, pair in enumerate(row.get("statement", list)):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise row.bad(f"statement[{number}]", "[true statement, false statement]", pair)
        for label, text in zip(_LABELS, pair, strict=True):
            yield Sample(
                id=f"{document.id}/{number}/{label}",
                text=text,
                films=(document.film,),
                candidates=(document.id,),
                spans=() if document.span is None else (document.span,),
                label=label,
                labels=_LABELS,
                group=document.id,
                slices={"pair": f"{document.id}/{number}"},
            )
