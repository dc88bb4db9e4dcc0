"""InfoSeek (Chen et al., EMNLP 2023): questions about an entity in a picture, answered from Wikipedia.

Files as https://github.com/open-vision-language/infoseek gives them. ``infoseek_val.jsonl``: ``{data_id, image_id,
question, answer: [str], answer_eval, data_split}``; ``answer_eval`` is a list of accepted texts, or for numbers
``[{"wikidata": 1.0, "range": [0.9, 1.1]}]``. ``infoseek_val_withkb.jsonl``: ``{data_id, entity_id, entity_text}``.
``infoseek_val_qtype.jsonl``: ``{data_id, question_type}``. ``Wiki6M_ver_1_0*.jsonl``: read here as ``{wikidata_id,
wikipedia_title, wikipedia_content}``; these three names were not confirmed against the file.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of, yes
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.evals.samples import Dataset, Document, Place, Sample

__all__ = ["INFO", "read"]

_SPLITS = ("train", "val", "test", "human")

INFO = DatasetInfo(
    name="infoseek",
    title="InfoSeek: visual information-seeking questions about entities of Wikipedia",
    tasks=("knowledge_vqa", "vqa", "retrieval"),
    paper="Chen, Hu, Luan et al., EMNLP 2023",
    licence="Apache-2.0 (repository; pictures under their sources' terms)",
    get=(
        "https://github.com/open-vision-language/infoseek links the files; put into the folder:\n"
        "  infoseek_val.jsonl; infoseek_val_withkb.jsonl for entities; infoseek_val_qtype.jsonl, if wanted, for types\n"
        "Pictures are OVEN's (see its image_downloads guide); the folder holds pictures/oven_00000000.jpg or .JPEG,\n"
        "  flat or below two digits (pictures/00/oven_00000000.jpg)\n"
        "A knowledge base is read when option wiki names one: Wiki6M_ver_1_0.jsonl, or a part of it"
    ),
    options={
        "split": "train, val (default), test or human (the last two without answers)",
        "kb": "yes (default: entities from the _withkb file) or no",
        "wiki": "name of a JSONL file of articles; empty (default): no documents",
        "distractors": "how many articles beside those asked for, in the file's order; -1 for all (default 0)",
        "pictures": "folder of the pictures (default pictures)",
        "missing": MISSING,
    },
)


def read(
    folder: Path,
    *,
    split: str = "val",
    kb: str = "yes",
    wiki: str = "",
    distractors: int = 0,
    pictures: str = "pictures",
    missing: str = "raise",
) -> Dataset:
    """Read one split.

    Answers are the accepted texts; of a number the texts in ``answer``, since its accepted range has no place in a
    sample. Documents are articles by Wikidata id; ``relevant`` and ``facts`` name the entity's.

    Raises:
        CallerError: an unknown option, a missing file or picture, a wrong row, or no sample.
    """
    file = folder / f"infoseek_{one_of('split', split, _SPLITS)}.jsonl"
    shown = Media(folder / pictures, missing)
    entities = _column(folder / f"infoseek_{split}_withkb.jsonl", "entity_id") if _has_kb(kb, split) else {}
    types = folder / f"infoseek_{split}_qtype.jsonl"
    kinds = _column(types, "question_type") if types.is_file() else {}
    samples = list(_samples(file, shown, entities, kinds))
    wanted = {name for sample in samples for name in sample.relevant}
    documents = list(_articles(folder / wiki, wanted, distractors)) if wiki else []
    return assembled(INFO, samples, documents, media=shown, note=file.name, partial=True)


def _has_kb(kb: str, split: str) -> bool:
    # The authors publish no entities of the two hidden splits.
    return yes("kb", kb) and split in ("train", "val")


def _column(path: Path, field: str) -> dict[str, str]:
    return {ident(row, "data_id"): row.get(field, str) for row in jsonl_rows(path)}


def _samples(file: Path, pictures: Media, entities: dict[str, str], kinds: dict[str, str]) -> Iterator[Sample]:
    for row in jsonl_rows(file):
        name, picture = ident(row, "data_id"), row.get("image_id", str)
        path = pictures.path(picture, row.where, (f"{picture.removeprefix('oven_')[:2]}/{picture}",))
        if entities and name not in entities:
            raise CallerError(f"{row.where}: data_id {name!r} has no entity in the _withkb file")
        if path is None:
            continue
        entity = entities.get(name)
        slices = slices_of(row, data_split="data_split") | ({"question_type": kinds[name]} if name in kinds else {})
        yield Sample(
            id=name,
            text=row.get("question", str),
            images=(path,),
            answers=_answers(row),
            relevant={} if entity is None else {entity: 1.0},
            facts=() if entity is None else (Place(document=entity),),
            group=picture,
            slices=slices,
        )


def _answers(row: Row) -> tuple[str, ...]:
    accepted = row.data.get("answer_eval")
    parts = accepted if isinstance(accepted, list) else [] if accepted is None else [accepted]
    if parts and all(isinstance(part, str) for part in parts):
        return tuple(parts)
    if not all(isinstance(part, dict) for part in parts):
        raise row.bad("answer_eval", "list of str or of a range", accepted)
    return row.texts("answer") if row.find("answer", list) is not None else ()


def _articles(path: Path, wanted: set[str], distractors: int) -> Iterator[Document]:
    others = 0
    for row in jsonl_rows(path):
        name = row.get("wikidata_id", str)
        if name not in wanted:
            if others == distractors:
                continue
            others += 1
        title = row.get("wikipedia_title", str)
        yield Document(id=name, text=row.find("wikipedia_content", str) or title, title=title)
