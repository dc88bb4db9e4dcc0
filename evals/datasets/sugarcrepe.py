"""SugarCrepe: does a model tell a caption from one that differs in one object, attribute or relation.

Hsieh, Zhang, Ma, Kembhavi and Krishna, "SugarCrepe: Fixing Hackable Benchmarks for Vision-Language Compositionality",
NeurIPS 2023 Datasets and Benchmarks. Files as in the authors' repository: ``data/CATEGORY.json`` maps a number to
``{"filename", "caption", "negative_caption"}``; pictures are those of COCO's ``val2017``.

The right caption stands first. A model that answers by position would score 1: a tie must count as wrong.
"""

from pathlib import Path

from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.rows import json_rows
from foveate.evals.samples import Dataset, Sample

__all__ = ["CATEGORIES", "INFO", "read"]

CATEGORIES = ("add_att", "add_obj", "replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")

INFO = DatasetInfo(
    name="sugarcrepe",
    title="SugarCrepe: a caption beside a fluent wrong one",
    tasks=("matching", "multiple_choice"),
    paper="Hsieh et al., SugarCrepe, NeurIPS 2023 Datasets and Benchmarks",
    licence="MIT (annotations); pictures under COCO's terms",
    get="""Annotations: git clone https://github.com/RAIVNLab/sugar-crepe FOLDER
Pictures: val2017.zip of https://cocodataset.org/#download. FOLDER holds:
  data/add_att.json, add_obj.json, replace_att.json, replace_obj.json, replace_rel.json, swap_att.json, swap_obj.json
  val2017/000000085329.jpg ...""",
    options={
        "category": f"all (default), {', '.join(CATEGORIES)}",
        "missing": MISSING,
    },
)


def read(folder: Path, *, category: str = "all", missing: str = "raise") -> Dataset:
    """Read one category or all; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
    """
    one_of("category", category, ("all", *CATEGORIES))
    media = Media(folder / "val2017", missing)
    samples = []
    for name in CATEGORIES if category == "all" else (category,):
        for row in json_rows(folder / "data" / f"{name}.json"):
            picture = row.get("filename", str)
            path = media.path(picture, row.where)
            if path is None:
                continue
            sample = Sample(
                id=f"{name}-{row.data['_key']}",
                images=(path,),
                options=(row.get("caption", str), row.get("negative_caption", str)),
                choice=0,
                group=picture,
                slices={"category": name, "change": name.split("_")[0]},
            )
            samples.append(sample)
    return assembled(INFO, samples, media=media, note=category)
