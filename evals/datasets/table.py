"""Datasets by name: one literal table; each module carries ``INFO`` and ``read``."""

import difflib
import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading.dataset import checked
from foveate.evals.samples import Dataset

__all__ = ["DATASETS", "dataset_info", "known_dataset", "read_dataset"]

_HERE = "foveate.evals.datasets"
DATASETS: dict[str, str] = {
    "aro": f"{_HERE}.aro",
    "cineaste": f"{_HERE}.cineaste",
    "circo": f"{_HERE}.circo",
    "cirr": f"{_HERE}.cirr",
    "coco": f"{_HERE}.coco",
    "didemo": f"{_HERE}.didemo",
    "egoschema": f"{_HERE}.egoschema",
    "evqa": f"{_HERE}.evqa",
    "fashioniq": f"{_HERE}.fashioniq",
    "flickr30k": f"{_HERE}.flickr30k",
    "hierarcaps": f"{_HERE}.hierarcaps",
    "hotpotqa": f"{_HERE}.hotpotqa",
    "infoseek": f"{_HERE}.infoseek",
    "kb": f"{_HERE}.kb",
    "long_captions": f"{_HERE}.long_captions",
    "longvideobench": f"{_HERE}.longvideobench",
    "mf2": f"{_HERE}.mf2",
    "mixbench": f"{_HERE}.mixbench",
    "mlvu": f"{_HERE}.mlvu",
    "mm_upd": f"{_HERE}.mm_upd",
    "mmlongbench_doc": f"{_HERE}.mmlongbench_doc",
    "msr_vtt": f"{_HERE}.msr_vtt",
    "multimodalqa": f"{_HERE}.multimodalqa",
    "musique": f"{_HERE}.musique",
    "negbench": f"{_HERE}.negbench",
    "nextqa": f"{_HERE}.nextqa",
    "ok_vqa": f"{_HERE}.ok_vqa",
    "overlap": f"{_HERE}.overlap",
    "pic": f"{_HERE}.pic",
    "queryd": f"{_HERE}.queryd",
    "sample": f"{_HERE}.sample",
    "stamps": f"{_HERE}.stamps_suite",
    "sugarcrepe": f"{_HERE}.sugarcrepe",
    "two_wiki": f"{_HERE}.two_wiki",
    "unanswerable": f"{_HERE}.unanswerable",
    "video_mme": f"{_HERE}.video_mme",
    "violin": f"{_HERE}.violin",
    "vizwiz": f"{_HERE}.vizwiz",
    "vqa_v2": f"{_HERE}.vqa_v2",
    "webqa": f"{_HERE}.webqa",
    "winoground": f"{_HERE}.winoground",
}
"""Name -> module."""


def known_dataset(name: str) -> str:
    """The module of a dataset.

    Raises:
        CallerError: no dataset has that name; with the choices.
    """
    if name not in DATASETS:
        near = difflib.get_close_matches(name, DATASETS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise CallerError(f"dataset {name!r} is none of: {', '.join(sorted(DATASETS))}{hint}")
    return DATASETS[name]


def dataset_info(name: str) -> DatasetInfo:
    """What a reader says of its benchmark."""
    info: DatasetInfo = import_module(known_dataset(name)).INFO
    return info


def read_dataset(name: str, folder: str | None, base: Path, options: Mapping[str, Any]) -> Dataset:
    """Read a dataset from its files.

    Args:
        name: in the table.
        folder: where its files are; None for a dataset that knows its own place.
        base: what a relative ``folder`` starts from, before the working folder.
        options: of the reader.

    Raises:
        CallerError: no such folder (with how to get the data), an option nobody knows, or bad data.
    """
    info = dataset_info(name)
    read = import_module(known_dataset(name)).read
    known = [key for key in inspect.signature(read).parameters if key != "folder"]
    for key in options:
        if key not in known:
            raise CallerError(f"dataset {name!r} has no option {key!r}; it has: {', '.join(known) or 'none'}")
    dataset: Dataset = read(_folder(info, folder, base), **options)
    return checked(dataset)


def _folder(info: DatasetInfo, folder: str | None, base: Path) -> Path:
    if folder is None:
        default = getattr(import_module(known_dataset(info.name)), "default_folder", None)
        if default is None:
            raise CallerError(f"dataset {info.name!r} needs `folder:`. {info.get}")
        found: Path = default()
    else:
        given = Path(folder).expanduser()
        found = next((path for path in (base / given, given) if path.is_dir()), given)
    if not found.is_dir():
        raise CallerError(f"dataset {info.name!r}: no folder {str(found)!r}. {info.get}")
    return found
