"""How much a word written in a picture moves the picture's score.

Follows "Parrot Captions Teach CLIP to Spot Text" (Lin et al., ECCV 2024): models trained on captions that repeat the
text in pictures score that text instead of what is shown. A masked score is offered beside the plain one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.probes.captioned import Captioned, opened
from foveate.evals.probes.features import words_of
from foveate.evals.probes.intervals import figure
from foveate.evals.probes.painting import Reader, blanked, masked, spotted
from foveate.evals.probes.record import ProbeReport, Table, pictured
from foveate.locators import Box
from foveate.retrievers.protocols import Encoder

__all__ = ["CONDITIONS", "Spotting", "caption_word", "masked_score", "measure", "probe"]

CONDITIONS = ("clean", "blank", "right", "wrong", "random")
"""Nothing painted; a white strip; the caption's word; another picture's word; letters that are no word."""
_LETTERS = "bcdfghjklmnpqrstvwxz"
_STOP = frozenset("a an the with without from that this their there under above behind between beside".split())
_NAN = float("nan")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spotting:
    """Cosines, picture by picture and condition by condition."""

    own: NDArray[np.float64]
    """(n, 5): picture with its own caption, columns as :data:`CONDITIONS`."""
    other: NDArray[np.float64]
    """(n, 5): picture with the caption that the wrong word comes from."""
    own_masked: NDArray[np.float64]
    """(n, 5) once text boxes are masked."""
    other_masked: NDArray[np.float64]
    boxes_missed: int
    """Painted words that the reader did not find; 0 where boxes were given."""


def caption_word(caption: str) -> str | None:
    """The longest word of a caption that says something, the first of equals; None where there is none."""
    words = [word for word in words_of(caption) if word not in _STOP and len(word) > 2]
    return max(words, key=len) if words else None


def masked_score(encoder: Encoder, image: Image.Image, text: str, boxes: Sequence[Box]) -> float:
    """Cosine of a text and a picture whose text boxes are painted over."""
    return float((encoder.encode_images([masked(image, boxes)]) @ encoder.encode_text([text]).T)[0, 0])


def measure(
    encoder: Encoder, items: Sequence[tuple[Image.Image, str, str]], *, reader: Reader | None = None, seed: int = 0
) -> Spotting:
    """Score all pictures under all conditions.

    Args:
        encoder: of texts and pictures.
        items: (n) picture, caption, word; n >= 2. The wrong word is that of another item with another word.
        reader: finds text to mask; the boxes that were painted if None.
        seed: of the choice of wrong words and letters.

    Raises:
        CallerError: fewer than two different words.
    """
    wrong = _others([word for _, _, word in items], seed)
    rng = np.random.default_rng(seed + 1)
    captions = encoder.encode_text([caption for _, caption, _ in items])
    plain = np.zeros((len(items), len(CONDITIONS), encoder.dim), np.float32)
    covered = np.zeros_like(plain)
    missed = 0
    for at, (image, _, word) in enumerate(items):
        letters = "".join(_LETTERS[i] for i in rng.integers(0, len(_LETTERS), len(word)))
        shown = _shown(image, word, items[wrong[at]][2], letters)
        boxes = [tuple(reader(picture)) if reader else box for picture, box in shown]
        missed += sum(not found for found in boxes[2:])
        plain[at] = encoder.encode_images([picture for picture, _ in shown])
        if reader is None:  # one strip for all: masked, they are the same picture
            covered[at] = np.repeat(encoder.encode_images([masked(*shown[1])]), len(shown), axis=0)
            covered[at, 0] = plain[at, 0]
        else:
            covered[at] = encoder.encode_images([masked(shown[i][0], found) for i, found in enumerate(boxes)])
    theirs = captions[wrong]
    return Spotting(
        own=_cosines(plain, captions),
        other=_cosines(plain, theirs),
        own_masked=_cosines(covered, captions),
        other_masked=_cosines(covered, theirs),
        boxes_missed=missed,
    )


def probe(encoder: Encoder, items: Sequence[Captioned], *, reader: Reader | None = None, seed: int = 0) -> ProbeReport:
    """Text-spotting bias of an encoder, before and after text is masked.

    Args:
        encoder: of texts and pictures.
        items: captioned pictures; those without a word to paint are left out and counted.
        reader: finds text to mask, such as :func:`foveate.evals.probes.painting.read_boxes`; the painted boxes if None.
        seed: of wrong words, letters and intervals.

    Raises:
        CallerError: fewer than two pictures with different words.
        MediaError: a picture that cannot be read.
        ExtraMissing: the reader's package is absent.
    """
    words = [caption_word(item.caption) for item in items]
    kept = [(item, word) for item, word in zip(items, words, strict=True) if word]
    if len({word for _, word in kept}) < 2:
        raise CallerError(f"{len(kept)} pictures with a word in their caption; two with different words are needed")
    images = opened([item for item, _ in kept])
    triples = [(image, item.caption, word) for image, (item, word) in zip(images, kept, strict=True)]
    found = measure(encoder, triples, reader=reader, seed=seed)
    image, _, word = triples[0]
    examples = Image.new("RGB", (image.width * 3, image.height), (255, 255, 255))
    for at, picture in enumerate(_example(image, word)):
        examples.paste(picture, (at * image.width, 0))
    facts = {
        "encoder": encoder.name,
        "pictures": len(kept),
        "captions_without_a_word": len(items) - len(kept),
        "masked_by": "reader" if reader else "the boxes that were painted",
        "words_the_reader_missed": found.boxes_missed if reader else None,
        **_facts(found, seed),
        "seed": seed,
    }
    return ProbeReport(
        name="text-spotting",
        title="What text in a picture does to its score",
        source="Lin et al.: Parrot Captions Teach CLIP to Spot Text. ECCV 2024",
        facts=facts,
        tables=_tables(found, seed),
        pictures=(pictured(f"Clean, with the word {word!r}, and masked", examples),),
        notes=(
            "text_bias: how much more the caption's own word raises the score than as many letters without meaning. "
            "pull_of_wrong_word: the same for the score of the caption that the wrong word comes from.",
            "Masked by the boxes that were painted, all conditions but 'clean' are the same picture: a bias of 0 there "
            "is what a perfect reader would give.",
        ),
    )


def _facts(found: Spotting, seed: int) -> dict[str, object]:
    at = {name: i for i, name in enumerate(CONDITIONS)}
    pairs = {
        "text_bias": found.own[:, at["right"]] - found.own[:, at["random"]],
        "text_bias_masked": found.own_masked[:, at["right"]] - found.own_masked[:, at["random"]],
        "pull_of_wrong_word": found.other[:, at["wrong"]] - found.other[:, at["random"]],
        "pull_of_wrong_word_masked": found.other_masked[:, at["wrong"]] - found.other_masked[:, at["random"]],
        "cost_of_masking": found.own[:, at["clean"]] - found.own_masked[:, at["blank"]],
    }
    facts: dict[str, object] = {}
    for name, values in pairs.items():
        shown = figure(values, seed=seed)
        facts[name] = shown.value
        facts[f"{name}_interval"] = (shown.low, shown.high)
    for name, own, other in (
        ("captions_flipped_by_wrong_word", found.own, found.other),
        ("captions_flipped_masked", found.own_masked, found.other_masked),
    ):
        # Only pictures whose own caption won while they were clean can be flipped.
        fair = own[:, at["clean"]] > other[:, at["clean"]]
        flipped = other[:, at["wrong"]] >= own[:, at["wrong"]]
        facts[name] = float(flipped[fair].mean()) if fair.any() else _NAN
    return facts


def _tables(found: Spotting, seed: int) -> tuple[Table, ...]:
    tables = []
    for title, own in (("Plain", found.own), ("Text masked", found.own_masked)):
        rows = tuple(
            (name, float(own[:, i].mean()), *figure(own[:, i] - own[:, 0], seed=seed).cells())
            for i, name in enumerate(CONDITIONS)
        )
        columns = ("condition", "cosine with caption", "moved by", "low", "high", "pictures")
        tables.append(Table(title=f"{title}: score of the own caption", columns=columns, rows=rows))
    return tuple(tables)


def _shown(image: Image.Image, right: str, wrong: str, letters: str) -> list[tuple[Image.Image, tuple[Box, ...]]]:
    painted = [blanked(image), *(spotted(image, word) for word in (right, wrong, letters))]
    return [(masked(image, ()), ()), *((picture, (box,)) for picture, box in painted)]


def _example(image: Image.Image, word: str) -> tuple[Image.Image, Image.Image, Image.Image]:
    picture, box = spotted(image, word)
    return masked(image, ()), picture, masked(picture, (box,))


def _others(words: Sequence[str], seed: int) -> list[int]:
    """For each word the index of another, drawn by ``seed``."""
    rng = np.random.default_rng(seed)
    found = []
    for word in words:
        choices = [i for i, other in enumerate(words) if other != word]
        if not choices:
            raise CallerError(f"all words to paint are {word!r}; two different ones are needed")
        found.append(choices[int(rng.integers(len(choices)))])
    return found


def _cosines(rows: NDArray[np.float32], texts: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, c, d) and (n, d) -> (n, c)."""
    found: NDArray[np.float64] = np.einsum("ncd,nd->nc", rows, texts, dtype=np.float64)
    return found
