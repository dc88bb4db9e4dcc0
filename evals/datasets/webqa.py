"""WebQA (Chang et al., CVPR 2022): questions answered from snippets and captioned pictures of the open web.

Files as https://github.com/WebQnA/WebQA gives them. ``WebQA_train_val.json`` maps a Guid to ``{Q, A: [str], Qcate,
split, img_posFacts, img_negFacts, txt_posFacts, txt_negFacts}``; ``WebQA_test.json`` to ``{Q, Qcate, img_Facts,
txt_Facts}``. A picture is ``{image_id, title, caption, ...}``, a snippet ``{snippet_id, title, fact, ...}``. Pictures
stand in ``imgs.tsv`` (51 GB) as ``ID<tab>base64``; line ``ID modulo 10,000,000`` starts at the byte that the same line
of ``imgs.lineidx`` says. They are taken out one at a time, and only with ``unpack="yes"``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.embedded import unpacked
from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of, yes
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Dataset, Document, Place, Sample

__all__ = ["INFO", "read"]

_SPLITS = {"train": "WebQA_train_val.json", "val": "WebQA_train_val.json", "test": "WebQA_test.json"}
_POSITIVE = ("img_posFacts", "txt_posFacts")
_OTHERS = ("img_negFacts", "txt_negFacts", "img_Facts", "txt_Facts")
_WRAP = 10_000_000
"""Distractors added later have an id that much above their line."""

INFO = DatasetInfo(
    name="webqa",
    title="WebQA: multi-hop, multimodal questions over snippets and captioned pictures",
    tasks=("multi_hop", "knowledge_vqa", "retrieval", "reranking"),
    paper="Chang, Narang, Suzuki, Cao, Gao and Bisk, CVPR 2022",
    licence="CC-BY-SA-4.0 (questions, unconfirmed; pictures under Wikimedia Commons terms)",
    get=(
        "https://github.com/WebQnA/WebQA: Main Data, unpacked into the folder: WebQA_train_val.json, WebQA_test.json\n"
        "Pictures, either: imgs.tsv and imgs.lineidx (51 parts, 7z x imgs.7z.001), read with unpack='yes', which\n"
        "writes the pictures a split needs to pictures/ID.jpg or .png; or pictures/ID.jpg that you took out yourself"
    ),
    options={
        "split": "train, val (default) or test (no answers and no gold facts)",
        "unpack": "no (default: pictures lie in pictures/) or yes (take them out of imgs.tsv once)",
        "missing": MISSING,
    },
)


def read(folder: Path, *, split: str = "val", unpack: str = "no", missing: str = "raise") -> Dataset:
    """Read one split.

    Documents are facts, shared by the questions that name them: ``img/ID`` (the caption is their text) and
    ``txt/ID``. Candidates are a question's positive facts and its distractors, sorted by id. A sample whose positive
    picture is left out goes with it.

    Raises:
        CallerError: an unknown option, a missing file or picture, a wrong row, or no sample.
    """
    file = folder / _SPLITS[one_of("split", split, tuple(_SPLITS))]
    pictures = Media(folder / "pictures", missing)
    archive = _Archive(folder) if yes("unpack", unpack) else None
    facts = _Facts(pictures, archive)
    rows = (row for row in json_rows(file) if split == "test" or row.get("split", str) == split)
    samples = [sample for row in rows if (sample := _sample(row, facts))]
    return assembled(INFO, samples, facts.documents.values(), media=pictures, note=file.name)


@dataclass(slots=True)
class _Archive:
    """Pictures inside ``imgs.tsv``."""

    folder: Path
    starts: list[int] = field(default_factory=list)

    def unpack(self, name: str, where: str) -> None:
        """Write the picture of an id to the folder of pictures."""
        start = self._start(int(name), where)
        with (self.folder / "imgs.tsv").open("rb") as stream:
            stream.seek(start)
            found, _, body = stream.readline().decode("ascii", "replace").strip().partition("\t")
        if not found.isdigit() or int(found) != int(name):
            raise CallerError(f"{where}: imgs.lineidx leads to picture {found!r:.40} instead of {name!r}")
        unpacked(body, self.folder / "pictures", where, name)

    def _start(self, number: int, where: str) -> int:
        if not self.starts:
            for name in ("imgs.tsv", "imgs.lineidx"):
                if not (self.folder / name).is_file():
                    raise CallerError(f"no file {str(self.folder / name)!r}, which unpack='yes' reads")
            lines = (self.folder / "imgs.lineidx").read_text(encoding="ascii", errors="replace").split()
            if not all(line.isdigit() for line in lines):
                raise CallerError("imgs.lineidx: a number a line is expected")
            self.starts = [int(line) for line in lines]
        if number % _WRAP >= len(self.starts):
            raise CallerError(f"{where}: picture {number} is beyond the {len(self.starts)} lines of imgs.lineidx")
        return self.starts[number % _WRAP]


@dataclass(slots=True)
class _Facts:
    """Documents as rows bring them."""

    pictures: Media
    archive: _Archive | None
    documents: dict[str, Document] = field(default_factory=dict)

    def add(self, row: Row) -> str | None:
        """Id of a fact; None when its picture is left out."""
        if "image_id" not in row.data:
            name = f"txt/{ident(row, 'snippet_id')}"
            self._keep(Document(id=name, text=row.get("fact", str), title=row.find("title", str)))
            return name
        number = ident(row, "image_id")
        if not number.isdigit():
            raise row.bad("image_id", "a number", number)
        name = f"img/{number}"
        if name not in self.documents:
            path = self._path(number, row.where)
            if path is None:
                return None
            self._keep(
                Document(id=name, text=row.get("caption", str), image=path, title=row.find("title", str), group=name)
            )
        return name

    def _path(self, number: str, where: str) -> str | None:
        there = any((self.pictures.folder / f"{number}{ending}").is_file() for ending in (".jpg", ".png"))
        if self.archive is not None and not there:
            try:
                self.archive.unpack(number, where)
            except CallerError:
                # A few of the pictures are neither PNG nor JPEG; the policy for missing ones decides.
                if self.pictures.missing == "raise" or not self.archive.starts:
                    raise
        return self.pictures.path(number, where)

    def _keep(self, document: Document) -> None:
        self.documents.setdefault(document.id, document)


def _sample(row: Row, facts: _Facts) -> Sample | None:
    gold = list(_ids(row, _POSITIVE, facts))
    if None in gold:
        return None
    positive = tuple(dict.fromkeys(name for name in gold if name is not None))
    others = tuple(name for name in _ids(row, _OTHERS, facts) if name is not None)
    modality = "image" if any(name.startswith("img/") for name in positive) else "text"
    return Sample(
        id=row.get("_key", str),
        text=_plain(row.get("Q", str)),
        # Gold first would be a hint to whoever reads in order.
        candidates=tuple(sorted({*positive, *others})),
        answers=tuple(_plain(text) for text in row.texts("A")) if row.find("A", list) else (),
        relevant=dict.fromkeys(positive, 1.0),
        facts=tuple(Place(document=name) for name in positive),
        slices=slices_of(row, kind="Qcate") | ({"modality": modality, "hops": str(len(positive))} if positive else {}),
    )


def _plain(text: str) -> str:
    """A text without the quotation marks that most of the published ones stand in as a whole."""
    plain = text.strip()
    whole = len(plain) > 1 and plain.count('"') == 2 and plain[0] == plain[-1] == '"'
    return plain[1:-1].strip() if whole else plain


def _ids(row: Row, fields: Sequence[str], facts: _Facts) -> Iterator[str | None]:
    for name in fields:
        if row.find(name, list) is not None:
            yield from (facts.add(inner) for inner in row.rows(name))
