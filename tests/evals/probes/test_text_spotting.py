from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.probes.captioned import Captioned
from foveate.evals.probes.painting import blanked, masked, spotted
from foveate.evals.probes.text_spotting import CONDITIONS, caption_word, masked_score, measure, probe
from foveate.locators import Box
from tests.evals.probes.toys import NAMES, Palette, block

SIZE = (96, 96)


class Parrot(Palette):
    """Reads: a colour's name at the foot of a picture counts as much as the colour itself."""

    def encode_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        rows = super().encode_images(images)
        for at, image in enumerate(images):
            strip = np.asarray(image.convert("RGB"))[-14:]
            for which, name in enumerate(NAMES):
                if (np.asarray(spotted(Image.new("RGB", image.size), name)[0])[-14:] == strip).all():
                    rows[at, which] += 1.0
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def triples(*names: str) -> list[tuple[Image.Image, str, str]]:
    return [(block(name, SIZE), f"a {name} square", name) for name in names]


def test_a_word_is_painted_into_its_strip_only() -> None:
    clean = np.asarray(block("red", SIZE).convert("RGB"))
    picture, box = spotted(block("red", SIZE), "armadillo")
    pixels = np.asarray(picture)
    top = round(box.y0 * SIZE[1])
    assert (pixels[:top] == clean[:top]).all() and box.x0 == 0.0 and box.x1 == box.y1 == 1.0
    strip = pixels[top:]
    assert (strip.min(axis=2) == 255).any() and (strip.max(axis=2) == 0).any()
    blank, same = blanked(block("red", SIZE))
    assert same == box and (np.asarray(blank)[top:] == 255).all()


def test_long_words_are_set_smaller_and_never_cut() -> None:
    pixels = np.asarray(spotted(Image.new("RGB", (200, 100)), "incomprehensibilities")[0])
    ink = np.argwhere((pixels[84:] < 100).all(axis=2))
    assert 0 < ink[:, 1].min() and ink[:, 1].max() < 199
    with pytest.raises(CallerError, match="no word"):
        spotted(block("red"), " ")


def test_masking_takes_the_colour_around() -> None:
    picture, box = spotted(block("red", SIZE), "blue")
    assert (np.asarray(masked(picture, [box])) == (255, 0, 0)).all()
    assert np.asarray(masked(block("blue"), [Box(x0=0.0, y0=0.0, x1=1.0, y1=1.0)])).shape == (40, 40, 3)
    assert (np.asarray(masked(picture, [])) == np.asarray(picture)).all()


def test_masked_score_forgets_the_word() -> None:
    picture, box = spotted(block("red", SIZE), "blue")
    reads = Parrot()
    plain = float((reads.encode_images([picture]) @ reads.encode_text(["blue"]).T)[0, 0])
    assert plain > 0.5 and masked_score(reads, picture, "blue", [box]) == 0.0


def test_an_encoder_that_reads_is_told_from_one_that_does_not() -> None:
    reads = measure(Parrot(), triples("red", "green", "blue"))
    at = {name: i for i, name in enumerate(CONDITIONS)}
    assert (reads.other[:, at["wrong"]] > reads.other[:, at["random"]] + 0.4).all()
    assert (reads.own[:, at["wrong"]] < reads.own[:, at["random"]] - 0.1).all()
    np.testing.assert_allclose(reads.other_masked[:, at["wrong"]], reads.other_masked[:, at["clean"]], atol=1e-6)
    blind = measure(Palette(), triples("red", "green", "blue"))
    np.testing.assert_allclose(blind.other[:, at["wrong"]], blind.other[:, at["random"]], atol=0.05)


def test_a_reader_that_finds_nothing_masks_nothing() -> None:
    found = measure(Parrot(), triples("red", "green"), reader=lambda _: ())
    np.testing.assert_array_equal(found.own, found.own_masked)
    assert found.boxes_missed == 2 * 3


@pytest.mark.parametrize(
    ("caption", "word"),
    [("A heron on the shore.", "heron"), ("with the", None), ("", None), ("An old French horn", "french")],
)
def test_caption_words(caption: str, word: str | None) -> None:
    assert caption_word(caption) == word


def test_report(tmp_path: Path) -> None:
    items = []
    for name in ("red", "green", "black"):
        block(name, SIZE).save(tmp_path / f"{name}.png")
        items.append(Captioned(id=name, path=tmp_path / f"{name}.png", caption=name))
    items.append(Captioned(id="no", path=tmp_path / "red.png", caption="with the"))
    facts = probe(Parrot(), items).facts
    assert facts["pictures"] == 3 and facts["captions_without_a_word"] == 1
    assert facts["pull_of_wrong_word"] > 0.4 and facts["pull_of_wrong_word_masked"] == pytest.approx(0.0, abs=1e-6)
    assert facts["words_the_reader_missed"] is None
    low, high = facts["pull_of_wrong_word_interval"]
    assert low <= facts["pull_of_wrong_word"] <= high
    with pytest.raises(CallerError, match="two with different words"):
        probe(Palette(), items[:1])


def test_ocr_finds_what_was_painted() -> None:
    pytest.importorskip("rapidocr")
    from foveate.evals.probes.painting import read_boxes

    picture, box = spotted(Image.new("RGB", (400, 300), (30, 90, 160)), "armadillo")
    (found,) = read_boxes(picture)
    assert found.y0 >= box.y0 - 0.03 and found.x1 - found.x0 > 0.2
