"""Flickr30k: 31,783 pictures with five captions each.

Young, Lai, Hodosh and Hockenmaier, "From image descriptions to visual denotations", TACL 2014. Two published forms:
Karpathy's ``dataset_flickr30k.json`` with its splits (1,000 test pictures), and the authors'
``results_20130124.token`` with lines ``PICTURE.jpg#NUMBER<tab>CAPTION``, all pictures or those that a list of ids names
(``test.txt``, one id a line, as Flickr30k Entities has it).
"""

from pathlib import Path

from foveate.errors import CallerError
from foveate.evals.datasets.info import DatasetInfo
from foveate.evals.reading import karpathy
from foveate.evals.reading.captions import DIRECTIONS, EACH, Captioned, arranged
from foveate.evals.reading.dataset import assembled
from foveate.evals.reading.media import MISSING, Media
from foveate.evals.reading.options import one_of
from foveate.evals.reading.texts import numbered
from foveate.evals.samples import Dataset

__all__ = ["INFO", "read"]

INFO = DatasetInfo(
    name="flickr30k",
    title="Flickr30k: pictures with five captions",
    tasks=("retrieval", "captioning"),
    paper="Young et al., From image descriptions to visual denotations, TACL 2014",
    licence="unknown (annotations: research); pictures under Flickr's terms",
    get="""Pictures and results_20130124.token: the form at https://shannon.cs.illinois.edu/DenotationGraph.
Karpathy's splits: caption_datasets.zip of https://cs.stanford.edu/people/karpathy/deepimagesent. FOLDER holds:
  dataset_flickr30k.json             (form=karpathy)
  results_20130124.token             (form=token; test.txt beside it for split=test)
  flickr30k-images/1000092795.jpg ...""",
    options={
        "form": "karpathy (default) or token",
        "split": "test (default), val, train; with form=token also all",
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
    direction: str = "text_to_image",
    each: int = 5,
    missing: str = "raise",
) -> Dataset:
    """Read one split; see ``INFO.options``.

    Raises:
        CallerError: an unknown option value, a missing file or picture, a row that is not as published, no samples.
    """
    one_of("form", form, ("karpathy", "token"))
    one_of("split", split, ("test", "train", "val") if form == "karpathy" else ("all", "test", "train", "val"))
    one_of("direction", direction, DIRECTIONS)
    media = Media(folder / "flickr30k-images", missing)
    if form == "karpathy":
        items = list(karpathy.pictures(folder / "dataset_flickr30k.json", split, media))
    else:
        kept = None if split == "all" else _listed(folder / f"{split}.txt")
        items = _token(folder / "results_20130124.token", media, kept)
    samples, documents = arranged(items, direction, each)
    return assembled(INFO, samples, documents, media=media, note=f"{form}, split {split}, {direction}")


def _token(path: Path, media: Media, kept: frozenset[str] | None) -> list[Captioned]:
    captions: dict[str, list[tuple[str, str]]] = {}
    first: dict[str, str] = {}
    for line, where in numbered(path):
        # Not csv: captions hold quotation marks of their own.
        key, tab, text = line.partition("\t")
        name, mark, number = key.partition("#")
        if not (tab and mark and number.isdigit()):
            raise CallerError(f"{where}: 'PICTURE.jpg#NUMBER<tab>CAPTION' is expected, found {line!r:.80}")
        if kept is None or name.rpartition(".")[0] in kept:
            first.setdefault(name, where)
            captions.setdefault(name, []).append((key, text.strip()))
    found = ((name, media.path(name, where)) for name, where in first.items())
    return [Captioned(id=name, path=file, captions=tuple(captions[name])) for name, file in found if file is not None]


def _listed(path: Path) -> frozenset[str]:
    return frozenset(line.strip() for line, _ in numbered(path))
