"""MS-COCO captions: everyday pictures with five captions or more.

Chen, Fang, Lin, Vedantam, Gupta, Dollar and Zitnick, "Microsoft COCO Captions", 2015. Two published forms: the official
``annotations/captions_SPLITYEAR.json`` (``images[]`` with ``id, file_name``, ``annotations[]`` with ``id, image_id,
caption``), pictures in ``SPLITYEAR/``; and Karpathy's ``dataset_coco.json`` (5,000 test pictures, of ``val2014``).
Searches count the first five captions of a picture, as published figures do: a few pictures have six or seven.
"""

from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading import karpathy
from foveate.evals.reading.captions import DIRECTIONS, EACH, Captioned, arranged
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import json_rows
from foveate.evals.samples import Dataset

__all__ = ["INFO", "read"]

INFO = DatasetInfo(
    name="coco",
    title="MS-COCO captions: everyday pictures with five captions",
    tasks=("retrieval", "captioning"),
    paper="Chen et al., Microsoft COCO Captions, 2015",
    licence="CC BY 4.0 (annotations); pictures under Flickr's terms",
    get="""Pictures and annotations: https://cocodataset.org/#download (val2014.zip, annotations_trainval2014.zip, or
those of 2017).
Karpathy's splits: caption_datasets.zip of https://cs.stanford.edu/people/karpathy/deepimagesent. FOLDER holds:
  annotations/captions_val2014.json  (form=official)
  dataset_coco.json                  (form=karpathy)
  val2014/COCO_val2014_000000391895.jpg ...""",
    options={
        "form": "karpathy (default) or official",
        "split": "karpathy: test (default), val, restval, train; official: val or train",
        "year": "of the official form: 2014 (default) or 2017",
        "direction": "text_to_image (default), image_to_text or caption",
        "each": f"{EACH}; 5 by default",
        "missing": MISSING,
    },
)


def read(
    folder: Path,
    *,
    form: str = "karpathy",
    split: str = "test",
    year: str | int = "2014",
    direction: str = "text_to_image",
    each: int = 5,
    missing: str = "raise",
) -> Dataset:
    """Read one split; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
    """
    one_of("form", form, ("karpathy", "official"))
    one_of("split", split, karpathy.SPLITS if form == "karpathy" else ("train", "val"))
    one_of("year", str(year), ("2014", "2017"))
    one_of("direction", direction, DIRECTIONS)
    if form == "karpathy":
        media = Media(folder, missing)
        items = list(karpathy.pictures(folder / "dataset_coco.json", split, media))
    else:
        media = Media(folder / f"{split}{year}", missing)
        items = _official(folder / "annotations" / f"captions_{split}{year}.json", media)
    samples, documents = arranged(items, direction, each)
    what = f"{form}, split {split}" + (f"{year}" if form == "official" else "")
    return assembled(INFO, samples, documents, media=media, note=f"{what}, {direction}")


def _official(path: Path, media: Media) -> list[Captioned]:
    files = {ident(row, "id"): (row.get("file_name", str), row.where) for row in json_rows(path, "images")}
    captions: dict[str, list[tuple[str, str]]] = {id_: [] for id_ in files}
    for row in json_rows(path, "annotations"):
        picture = ident(row, "image_id")
        if picture not in captions:
            raise CallerError(f"{row.where}: field 'image_id' names {picture!r}, which 'images' does not hold")
        captions[picture].append((ident(row, "id"), row.get("caption", str).strip()))
    found = ((id_, media.path(name, where)) for id_, (name, where) in files.items())
    return [Captioned(id=id_, path=file, captions=tuple(captions[id_])) for id_, file in found if file is not None]
