"""Winoground: two pictures and two captions of the same words, to be matched.

Thrush, Jiang, Bartolo, Singh, Williams, Kiela and Ross, "Winoground: Probing Vision and Language Models for
Visio-Linguistic Compositionality", CVPR 2022. Files as the authors' loading script reads them: a line of
``data/examples.jsonl`` is ``{"id", "image_0", "image_1", "caption_0", "caption_1", "tag", "secondary_tag",
"num_main_preds", "collapsed_tag"}``; pictures are ``data/images/NAME.png``, NAME without ending. The Parquet form of
the same rows is not read.

Text, image and group score follow from ``pairs`` and the matrix of scores: caption ``i`` belongs to picture ``i``.
"""

from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident, slices_of
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.rows import Row, jsonl_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "read"]

INFO = DatasetInfo(
    name="winoground",
    title="Winoground: two pictures and two captions of the same words",
    tasks=("matching",),
    paper="Thrush et al., Winoground, CVPR 2022",
    licence="Meta's research licence, in the data; pictures by Getty Images",
    get="""Accept the terms at https://huggingface.co/datasets/facebook/winoground, download data/examples.jsonl and
data/images.zip (Files and versions) and unpack the pictures. FOLDER holds:
  data/examples.jsonl
  data/images/ex_0_img_0.png ...""",
    options={"missing": MISSING},
)


def read(folder: Path, *, missing: str = "raise") -> Dataset:
    """Read the 400 samples; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
    """
    media = Media(folder / "data" / "images", missing)
    rows = jsonl_rows(folder / "data" / "examples.jsonl")
    samples = [sample for row in rows if (sample := _sample(row, media)) is not None]
    return assembled(INFO, samples, media=media)


def _sample(row: Row, media: Media) -> Sample | None:
    names = (row.get("image_0", str), row.get("image_1", str))
    paths = media.paths([name if name.endswith(".png") else f"{name}.png" for name in names], row.where)
    if paths is None:
        return None
    slices = slices_of(
        row,
        tag="tag",
        secondary_tag="secondary_tag",
        collapsed_tag="collapsed_tag",
        main_predicates="num_main_preds",
    )
    return Sample(
        id=ident(row, "id"),
        image_options=paths,
        options=(row.get("caption_0", str), row.get("caption_1", str)),
        pairs=((0, 0), (1, 1)),
        group=names[0],
        slices=slices,
    )
