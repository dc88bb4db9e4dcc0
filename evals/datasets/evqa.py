"""Encyclopedic-VQA (Mensink et al., ICCV 2023): detailed properties of species and landmarks, answered from Wikipedia.

Files as https://github.com/google-research/google-research/tree/master/encyclopedic_vqa describes them. ``test.csv``:
``question, answer, dataset_image_ids, dataset_name, dataset_category_id, question_type, wikipedia_url, wikipedia_title,
evidence, evidence_section_id, evidence_section_title, encyclopedic_vqa_split, question_original,
wikipedia_url_used_in_train``. Answers of several annotators stand apart by ``|``, parts of a list answer by ``&&``,
picture ids by ``|``. ``encyclopedic_kb_wiki.json`` maps a URL to ``{title, section_titles, section_texts, ...}``.
The pictures' own file names (iNaturalist 2021: ids to ``file_name`` in its ``val.json``/``train.json``; Google
Landmarks v2: ``a/b/c/abc....jpg``) are those data sets' forms; which iNaturalist file a split needs was not confirmed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, csv_rows, json_rows
from foveate.evals.samples import Dataset, Document, Place, Sample

__all__ = ["INFO", "read"]

_SPLITS = ("train", "val", "test")
_SOURCES = ("inaturalist", "landmarks")

INFO = DatasetInfo(
    name="evqa",
    title="Encyclopedic-VQA: visual questions about detailed properties of fine-grained categories",
    tasks=("knowledge_vqa", "vqa", "retrieval"),
    paper="Mensink, Uijlings, Castrejon et al., ICCV 2023",
    licence="CC-BY-4.0 (questions; pictures under their sources' terms)",
    get=(
        "https://github.com/google-research/google-research/tree/master/encyclopedic_vqa links test.csv, val.csv and\n"
        "train.csv; put them into the folder. Pictures:\n"
        "  inaturalist/val.json and inaturalist/val/... of iNaturalist 2021 (option inat names the JSON file)\n"
        "  landmarks/a/b/c/abc0123456789def.jpg of Google Landmarks v2\n"
        "Sections of Wikipedia are read when option kb names a file in the form of encyclopedic_kb_wiki.json; the\n"
        "whole one needs some 30 GB of memory, so cut it to the URLs you need"
    ),
    options={
        "split": "train, val or test (default)",
        "images": "all (default: a sample for each of up to 5 pictures of a question) or first",
        "inat": "JSON file of iNaturalist that names pictures by id (default inaturalist/val.json)",
        "kb": "name of the knowledge base; empty (default): no documents",
        "missing": MISSING,
    },
)


def read(
    folder: Path,
    *,
    split: str = "test",
    images: str = "all",
    inat: str = "inaturalist/val.json",
    kb: str = "",
    missing: str = "raise",
) -> Dataset:
    """Read one split.

    A document is a section of an article, ``URL#NUMBER``. ``relevant`` and ``facts`` name the sections that carry the
    answer; two for two-hop questions. The parts of a list answer stay one text with ``&&``, as its metric wants it.

    Raises:
        CallerError: an unknown option, a missing file or picture, a wrong row, or no sample.
    """
    file = folder / f"{one_of('split', split, _SPLITS)}.csv"
    one = one_of("images", images, ("all", "first")) == "first"
    pictures = Media(folder, missing)
    samples = list(_samples(file, pictures, _names(folder / inat), one=one))
    sections = _sections(folder / kb) if kb else ()
    return assembled(INFO, samples, sections, media=pictures, note=file.name, partial=True)


def _samples(file: Path, pictures: Media, names: Mapping[str, str], *, one: bool) -> Iterator[Sample]:
    for number, row in enumerate(csv_rows(file)):
        places = _places(row)
        ids = _parts(row.get("dataset_image_ids", str))
        source = _source(row)
        for picture in ids[:1] if one else ids:
            path = pictures.path(_file(picture, source, names), row.where)
            if path is None:
                continue
            yield Sample(
                id=f"{number}/{picture}",
                text=row.get("question", str),
                images=(path,),
                answers=_parts(row.get("answer", str)),
                relevant=dict.fromkeys(places, 1.0),
                facts=tuple(Place(document=place) for place in places),
                group=f"{source}/{picture}",
                slices=slices_of(row, question_type="question_type", seen="wikipedia_url_used_in_train")
                | {"source": source},
            )


def _source(row: Row) -> str:
    """Where the pictures of a row come from."""
    name = row.get("dataset_name", str)
    if name not in _SOURCES:
        raise row.bad("dataset_name", " or ".join(_SOURCES), name)
    return name


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|") if part.strip())


def _places(row: Row) -> tuple[str, ...]:
    """Sections that carry the answer: URL and number of each hop."""
    urls, sections = _parts(row.get("wikipedia_url", str)), _parts(row.get("evidence_section_id", str, ""))
    if any(not section.isdigit() for section in sections) or len(sections) > len(urls):
        raise row.bad("evidence_section_id", f"{len(urls)} numbers", row.data["evidence_section_id"])
    return tuple(f"{url}#{section}" for url, section in zip(urls, sections, strict=False))


def _file(picture: str, source: str, names: Mapping[str, str]) -> str:
    if source == "landmarks":
        return f"landmarks/{'/'.join(picture[:3])}/{picture}.jpg"
    return f"inaturalist/{names.get(picture, picture)}"


def _names(path: Path) -> dict[str, str]:
    """File names by picture id; empty without the file, as there may be landmarks alone."""
    return {ident(row, "id"): row.get("file_name", str) for row in json_rows(path, "images")} if path.is_file() else {}


def _sections(path: Path) -> Iterator[Document]:
    for row in json_rows(path):
        url, titles = row.get("_key", str), row.texts("section_titles")
        for number, text in enumerate(row.texts("section_texts")):
            heading = titles[number] if number < len(titles) else ""
            title = " - ".join(dict.fromkeys(part for part in (row.get("title", str), heading) if part))
            yield Document(id=f"{url}#{number}", text=text, title=title, group=url)
