"""Long captions: a picture found by a paragraph, as in Urban1k and DOCCI.

Zhang, Zhang, Dong, Zang and Wang, "Long-CLIP", ECCV 2024 (Urban1k: ``image/NAME.jpg`` and ``caption/NAME.txt``); Onoe
et al., "DOCCI: Descriptions of Connected and Contrasting Images", ECCV 2024 (a line of ``docci_descriptions.jsonlines``
has ``split``, ``image_file`` and ``description``, the last by memory of the authors' file; pictures in ``images/``).
``beside`` reads any folder of pictures with a ``.txt`` of the same name beside each.
"""

from collections.abc import Iterator
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.captions import DIRECTIONS, Captioned, arranged
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import jsonl_rows
from foveate.evals.reading.texts import whole
from foveate.evals.samples import Dataset

__all__ = ["INFO", "read"]

_DOCCI_SPLITS = ("qual_dev", "qual_test", "test", "train")

INFO = DatasetInfo(
    name="long_captions",
    title="Long captions: pictures found by a paragraph",
    tasks=("long_text", "retrieval", "captioning"),
    paper="Zhang et al., Long-CLIP (Urban1k), ECCV 2024; Onoe et al., DOCCI, ECCV 2024",
    licence="DOCCI: CC BY 4.0; Urban1k: unknown, pictures of Visual Genome",
    get="""Urban1k: https://huggingface.co/datasets/BeichenZhang/Urban1k (unpack Urban1k.zip). FOLDER holds:
  image/1.jpg ..., caption/1.txt ...
DOCCI: docci_descriptions.jsonlines and docci_images.tar.gz of https://google.github.io/docci. FOLDER holds:
  docci_descriptions.jsonlines, images/test_00000.jpg ...
Your own: a folder of pictures, each with a .txt of the same name beside it.""",
    options={
        "layout": "urban1k (default), docci or beside",
        "split": "of docci: test (default), train, qual_dev or qual_test",
        "direction": "text_to_image (default), image_to_text or caption",
        "missing": MISSING,
    },
)


def read(
    folder: Path,
    *,
    layout: str = "urban1k",
    split: str = "test",
    direction: str = "text_to_image",
    missing: str = "raise",
) -> Dataset:
    """Read one folder; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing folder, file or picture, a row that is not as published, a
            caption that is empty or not UTF-8, no samples.
    """
    one_of("layout", layout, ("beside", "docci", "urban1k"))
    one_of("split", split, _DOCCI_SPLITS)
    one_of("direction", direction, DIRECTIONS)
    if layout == "docci":
        media = Media(folder / "images", missing)
        items = list(_docci(folder / "docci_descriptions.jsonlines", split, media))
    elif layout == "urban1k":
        media = Media(folder / "image", missing)
        items = list(_texts(folder / "caption", media))
    else:
        media = Media(folder, missing)
        items = list(_texts(folder, media))
    samples, documents = arranged(items, direction)
    what = f"docci, split {split}" if layout == "docci" else layout
    return assembled(INFO, samples, documents, media=media, note=f"{what}, {direction}")


def _docci(path: Path, split: str, media: Media) -> Iterator[Captioned]:
    for row in jsonl_rows(path):
        if row.get("split", str) != split:
            continue
        name = row.get("image_file", str)
        found = media.path(name, row.where)
        if found is not None:
            yield Captioned(id=name, path=found, captions=((f"{name}#0", row.get("description", str)),))


def _texts(captions: Path, media: Media) -> Iterator[Captioned]:
    if not captions.is_dir():
        raise CallerError(f"no folder {str(captions)!r}")
    for path in sorted(captions.glob("*.txt")):
        found = media.path(path.stem, path.name)
        if found is not None:
            name = Path(found).name
            yield Captioned(id=name, path=found, captions=((f"{name}#0", _text(path)),))


def _text(path: Path) -> str:
    text = whole(path).strip()
    if not text:
        raise CallerError(f"{path.name} holds no caption")
    return text
