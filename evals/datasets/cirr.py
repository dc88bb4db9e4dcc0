"""CIRR: pictures of real life, found by another picture and what should be different.

Liu, Rodriguez-Opazo, Teney and Gould, "Image Retrieval on Real-life Images with Pre-trained Vision-and-Language
Models", ICCV 2021. Files as in branch ``cirr_dataset`` of the authors' repository: ``captions/cap.rc2.SPLIT.json`` is
a list of ``{"pairid", "reference", "target_hard", "target_soft", "caption", "img_set": {"id", "members", ...}}``,
``image_splits/split.rc2.SPLIT.json`` maps a picture's name to its path below ``img_raw``.

Recall@k ranks every picture of the split but the reference; Recall_subset@k ranks the other members of the picture
set. ``target_hard`` alone is right, as in the published figures; ``target_soft`` is not read. The split ``test1`` has
no targets: its samples carry no ``relevant`` and stay unscored (the authors' server scores them).
"""

from collections.abc import Mapping
from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.fields import ident
from foveate.evals.reading.gallery import REFERENCE, Gallery
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.names import name_table
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import Row, json_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["INFO", "read"]

SPLITS = ("test1", "train", "val")

INFO = DatasetInfo(
    name="cirr",
    title="CIRR: composed retrieval of real-life pictures",
    tasks=("composed_retrieval",),
    paper="Liu et al., Image Retrieval on Real-life Images, ICCV 2021",
    licence="MIT (annotations); pictures under the terms of NLVR2",
    get="""Annotations: git clone -b cirr_dataset https://github.com/Cuberick-Orion/CIRR FOLDER
Pictures: fill in the form of https://github.com/lil-lab/nlvr/tree/master/nlvr2 and put what you get in
FOLDER/img_raw/{train,dev,test1}. Then FOLDER holds:
  captions/cap.rc2.val.json
  image_splits/split.rc2.val.json
  img_raw/dev/dev-0-0-img0.png ...""",
    options={
        "split": "val (default), train, or test1 (no targets)",
        "protocol": "full (default): all pictures of the split; subset: the picture set alone (Recall_subset)",
        "reference": f"{REFERENCE}; out is the published protocol and the default",
        "version": "of the annotations: rc2",
        "missing": MISSING,
    },
)


def read(
    folder: Path,
    *,
    split: str = "val",
    protocol: str = "full",
    reference: str = "out",
    version: str = "rc2",
    missing: str = "raise",
) -> Dataset:
    """Read one split; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
    """
    one_of("split", split, SPLITS)
    one_of("protocol", protocol, ("full", "subset"))
    pictures = folder / "img_raw"
    media = Media(pictures if pictures.is_dir() else folder, missing)
    listing = folder / "image_splits" / f"split.{version}.{split}.json"
    table = name_table(listing)
    names = ((name, path, f"{listing.name}, entry {name!r}") for name, path in table.items())
    gallery = Gallery(media, names, reference)
    samples = []
    for row in json_rows(folder / "captions" / f"cap.{version}.{split}.json"):
        subset = _members(row, out=reference == "out") if protocol == "subset" else None
        sample = _sample(row, table, media, gallery, subset)
        if sample is not None:
            samples.append(sample)
    note = f"split {split}, protocol {protocol}, reference picture {'not ' * (reference == 'out')}ranked"
    return assembled(INFO, samples, gallery.documents, media=media, note=note)


def _sample(
    row: Row, table: Mapping[str, str], media: Media, gallery: Gallery, subset: tuple[str, ...] | None
) -> Sample | None:
    shown = row.get("reference", str)
    if shown not in table:
        raise CallerError(f"{row.where}: field 'reference' names {shown!r}, which the split's pictures do not hold")
    path = media.path(table[shown], row.where)
    if path is None:
        return None
    target = row.find("target_hard", str)
    return Sample(
        id=ident(row, "pairid"),
        text=row.get("caption", str),
        images=(path,),
        candidates=gallery.candidates(shown) if subset is None else subset,
        relevant={target: 1.0} if target else {},
        group=shown,
    )


def _members(row: Row, *, out: bool) -> tuple[str, ...]:
    members = row.row("img_set").texts("members")
    return tuple(name for name in members if not out or name != row.get("reference", str))
