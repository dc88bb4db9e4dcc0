"""ARO: does a model mind relations, attributes and the order of words.

Yuksekgonul, Bianchi, Kalluri, Jurafsky and Zou, "When and why vision-language models behave like bags-of-words, and
what to do about it?", ICLR 2023. Files as the authors' ``dataset_zoo/aro_datasets.py`` reads them:
``visual_genome_relation.json`` and ``visual_genome_attribution.json`` are lists of ``{"image_path", "true_caption",
"false_caption", "bbox_x", "bbox_y", "bbox_w", "bbox_h"}`` in pixels, with ``"relation_name"`` or ``"attributes"``
(two). Options stand in the authors' order: the false caption, then the true one.

The published accuracies are on the box, not on the whole picture: ``crop=cut`` writes each box once as PNG below
``crops/`` of the folder. COCO-Order and Flickr30k-Order are made by the authors' code as it runs, with spaCy and a
random order, and have no file of their own; what is read is the code's ``test_cases`` as JSON (see ``INFO.get``): a
list of ``{"image", "caption_options"}``, the true caption first.
"""

from io import BytesIO
from pathlib import Path

from PIL import Image

from foveate.errors import CallerError, MediaError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.files import write_once
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "PARTS", "read"]

PARTS = ("attribution", "coco_order", "flickr30k_order", "relation")

INFO = DatasetInfo(
    name="aro",
    title="ARO: attribution, relation and order",
    tasks=("matching", "multiple_choice"),
    paper="Yuksekgonul et al., When and why vision-language models behave like bags-of-words, ICLR 2023",
    licence="MIT (code and annotations); pictures under the terms of Visual Genome, COCO and Flickr",
    get="""The code at https://github.com/mertyg/vision-language-models-are-bows names the Google Drive ids of the files
(dataset_zoo/aro_datasets.py). FOLDER holds:
  visual_genome_relation.json, visual_genome_attribution.json
  images/2372979.jpg ...             (vgr_vga_images.zip)
For the order parts, with that code: json.dump(COCO_Order(root_dir=ROOT).test_cases, open("coco_order.json", "w")), and
Flickr30k_Order to flickr30k_order.json; the pictures lie in FOLDER as "image" names them (val2014/...,
flickr30k-images/...).""",
    options={
        "part": f"relation (default), {', '.join(name for name in PARTS if name != 'relation')}",
        "crop": "whole (default): the picture; cut: the box alone, written below crops/, as published figures have it",
        "missing": MISSING,
    },
)


def read(folder: Path, *, part: str = "relation", crop: str = "whole", missing: str = "raise") -> Dataset:
    """Read one part; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
        MediaError: with ``crop=cut``, a picture that cannot be read.
        ServiceError: with ``crop=cut``, the crops cannot be written.
    """
    one_of("part", part, PARTS)
    one_of("crop", crop, ("cut", "whole"))
    ordered = part.endswith("_order")
    media = Media(folder if ordered else folder / "images", missing)
    rows = json_rows(folder / (f"{part}.json" if ordered else f"visual_genome_{part}.json"))
    samples = []
    for number, row in enumerate(rows):
        name = row.get("image" if ordered else "image_path", str)
        path = media.path(name, row.where)
        if path is None:
            continue
        if crop == "cut" and not ordered:
            path = _cut(Path(path), _box(row), folder / "crops" / part)
        samples.append(_sample(f"{part}-{number}", row, part, path, name))
    boxed = "" if ordered else f", {'boxes' if crop == 'cut' else 'whole pictures, published figures are on boxes'}"
    return assembled(INFO, samples, media=media, note=f"{part}{boxed}")


def _sample(key: str, row: Row, part: str, path: str, picture: str) -> Sample:
    if part.endswith("_order"):
        options, choice, slices = row.texts("caption_options"), 0, {"part": part}
        if len(options) < 2:
            raise row.bad("caption_options", "a list of two str or more", list(options))
    else:
        options, choice = (row.get("false_caption", str), row.get("true_caption", str)), 1
        slices = {"part": part, "kind": _kind(row, part)}
    return Sample(id=key, images=(path,), options=options, choice=choice, group=picture, slices=slices)


def _kind(row: Row, part: str) -> str:
    return row.get("relation_name", str) if part == "relation" else "_".join(row.texts("attributes")[:2])


def _box(row: Row) -> tuple[int, int, int, int]:
    left, top, width, height = (int(row.get(f"bbox_{name}", float)) for name in "xywh")
    if width < 1 or height < 1:
        raise CallerError(f"{row.where}: a box of {width} x {height} pixels holds nothing")
    return left, top, left + width, top + height


def _cut(path: Path, box: tuple[int, int, int, int], crops: Path) -> str:
    target = crops / f"{path.name}-{'-'.join(map(str, box))}.png"
    if target.is_file():
        return str(target)
    try:
        with Image.open(path) as picture:
            part = picture.convert("RGB").crop(box)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaError(f"picture {str(path)!r} cannot be read: {error}") from error
    stream = BytesIO()
    part.save(stream, format="PNG")
    return write_once(target, stream.getvalue())
