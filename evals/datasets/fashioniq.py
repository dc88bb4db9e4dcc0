"""FashionIQ: garments found by another garment and two remarks on what is different.

Wu, Gao, Guo, Al-Halah, Rennie, Grauman and Feris, "The Fashion IQ Dataset", CVPR 2021. Files as in the authors'
repository: ``captions/cap.CATEGORY.SPLIT.json`` is a list of ``{"candidate", "target", "captions": [two]}`` (no
``target`` in ``test``), ``image_splits/split.CATEGORY.SPLIT.json`` a list of picture names; pictures are
``images/NAME.jpg``.

The two remarks are joined as common evaluations do (CLIP4Cir, CVPRW 2022): each loses ``.?,`` and blanks at its ends,
the first begins with a capital letter, ``and`` stands between. Each category has its own gallery; with ``all`` they
are pools of one dataset, so that a mean over samples is not the published mean of three categories: read the slices.
"""

from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.gallery import REFERENCE, Gallery
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.names import names
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Dataset, Document, Sample

__all__ = ["CATEGORIES", "INFO", "read"]

CATEGORIES = ("dress", "shirt", "toptee")

INFO = DatasetInfo(
    name="fashioniq",
    title="FashionIQ: composed retrieval of garments",
    tasks=("composed_retrieval",),
    paper="Wu et al., The Fashion IQ Dataset, CVPR 2021",
    licence="CDLA (annotations); pictures are their owners'",
    get="""Annotations: git clone https://github.com/XiaoxiaoGuo/fashion-iq FOLDER
Pictures: by the addresses in https://github.com/hongwang600/fashion-iq-metadata, some of which are gone (use
missing=drop). FOLDER holds:
  captions/cap.dress.val.json ...
  image_splits/split.dress.val.json ...
  images/B005X4PL1G.jpg ...""",
    options={
        "category": "all (default), dress, shirt or toptee",
        "split": "val (default), train, or test (no targets)",
        "reference": f"{REFERENCE}; in is the usual protocol and the default",
        "missing": MISSING,
    },
)


def read(
    folder: Path, *, category: str = "all", split: str = "val", reference: str = "in", missing: str = "raise"
) -> Dataset:
    """Read one split of one category or all; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
    """
    one_of("category", category, ("all", *CATEGORIES))
    one_of("split", split, ("test", "train", "val"))
    media = Media(folder / "images", missing)
    samples: list[Sample] = []
    documents: list[Document] = []
    for name in CATEGORIES if category == "all" else (category,):
        listing = folder / "image_splits" / f"split.{name}.{split}.json"
        files = ((_id(name, key), f"{key}.jpg", f"{listing.name}, {key!r}") for key in names(listing))
        gallery = Gallery(media, files, reference, pool=name)
        documents += gallery.documents
        for number, row in enumerate(json_rows(folder / "captions" / f"cap.{name}.{split}.json")):
            sample = _sample(f"{name}-{number}", row, name, media, gallery)
            samples += [] if sample is None else [sample]
    note = f"{category}, split {split}, reference picture {'not ' * (reference == 'out')}ranked"
    return assembled(INFO, samples, documents, media=media, note=note)


def joined(first: str, second: str) -> str:
    """The two remarks as one text."""
    return f"{first.strip('.?, ').capitalize()} and {second.strip('.?, ')}"


def _sample(key: str, row: Row, category: str, media: Media, gallery: Gallery) -> Sample | None:
    shown, target, remarks = row.get("candidate", str), row.find("target", str), row.texts("captions")
    if len(remarks) != 2:
        raise row.bad("captions", "a list of two str", list(remarks))
    path = media.path(f"{shown}.jpg", row.where)
    if path is None:
        return None
    return Sample(
        id=key,
        text=joined(*remarks),
        images=(path,),
        candidates=gallery.candidates(_id(category, shown)),
        pool=category,
        relevant={_id(category, target): 1.0} if target else {},
        group=shown,
        slices={"category": category},
    )


def _id(category: str, name: str) -> str:
    # A garment may stand in two categories; each has its own gallery.
    return f"{category}/{name}"
