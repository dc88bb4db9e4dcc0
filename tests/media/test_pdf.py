from pathlib import Path

import pytest

from foveate.locators import PageBox
from foveate.media.pieces import Limits, Piece
from tests.makers import fault, pdf, pieces, probed, reading


def box(piece: Piece) -> PageBox:
    assert isinstance(piece.locator, PageBox)
    return piece.locator


def test_pages_have_a_picture_and_passages_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf([[(72, 700, 12, "The red boat.")], [], [(300, 100, 12, "Low tide.")]], title="Sheet"))
    known = probed(path)
    assert (known.media.title, known.media.date, known.parts) == ("Sheet", "2021-05-04T13:02:01+02:00", 1)
    found = pieces(path, picture_px=200)
    assert [(piece.part, box(piece).page, piece.parent) for piece in found] == [
        ("page", 1, None),
        ("passage", 1, 0),
        ("page", 2, None),
        ("page", 3, None),
        ("passage", 3, 3),
    ]
    assert [piece.text for piece in found] == [None, "The red boat.", None, None, "Low tide."]
    assert found[0].pixels is not None and found[0].pixels.shape == (200, 142, 3) and found[0].pixels[0, 0].min() == 255
    place = box(found[1])
    assert (place.x0, place.y1) == pytest.approx((72 / 595, 1 - 700 / 842), abs=0.01)
    assert place.x1 < 0.3 and place.y1 - place.y0 < 0.02


@pytest.mark.parametrize(("rotate", "corner"), [(90, (0.83, 0.12)), (180, (0.88, 0.83)), (270, (0.17, 0.88))])
def test_a_turned_page_has_its_text_where_it_is_seen(tmp_path: Path, rotate: int, corner: tuple[float, float]) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf([[(72, 700, 12, "x")]], rotate=rotate))
    page, words = pieces(path)
    place = box(words)
    assert ((place.x0 + place.x1) / 2, (place.y0 + place.y1) / 2) == pytest.approx(corner, abs=0.02)
    pixels = page.pixels
    assert pixels is not None
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = (
        round(v) for v in (place.x0 * width - 2, place.y0 * height - 2, place.x1 * width + 2, place.y1 * height + 2)
    )
    assert pixels[y0:y1, x0:x1].min() < 200
    pixels[y0:y1, x0:x1] = 255
    assert pixels.min() == 255


def test_lines_become_paragraphs(tmp_path: Path) -> None:
    lines = [(72, 700 - 14 * i, 11, words) for i, words in enumerate(["One two", "three four.", "Five", "six."])]
    lines += [(72, 620, 18, "A heading"), (72, 600, 11, "Its text"), (72, 586, 11, "goes on.")]
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf([lines]))
    assert pieces(path, page_pictures=False)[0].text == (
        "One two three four. Five six.\n\nA heading\n\nIts text goes on."
    )


def test_columns_do_not_share_a_passage(tmp_path: Path) -> None:
    left = [(50, 700 - 14 * i, 11, f"Left line {i}.") for i in range(5)]
    right = [(320, 700 - 14 * i, 11, f"Right line {i}.") for i in range(5)]
    (tmp_path / "a.pdf").write_bytes(pdf([left + right]))
    first, second = pieces(tmp_path / "a.pdf", page_pictures=False)
    assert box(first).x1 < 0.5 < box(second).x0 and first.parent is None


def test_the_same_sentence_on_two_pages_has_two_places(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([[(72, 700, 12, "Same."), (72, 400, 12, "Same.")]] * 2))
    found = pieces(tmp_path / "a.pdf", page_pictures=False, passage_chars=6)
    assert len({piece.locator for piece in found}) == 4


def test_long_documents_come_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf([[(72, 700, 12, f"Page number {i}.")] for i in range(1, 21)]))
    assert probed(path).parts == 3
    texts = [piece.text for part in range(3) for piece in pieces(path, part) if piece.part == "passage"]
    assert texts == [f"Page number {i}." for i in range(1, 21)]
    assert [piece.parent for piece in pieces(path, 2)] == [None, 0, None, 2, None, 4, None, 6]


def test_a_pdf_without_pages_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([]))
    assert fault(tmp_path / "a.pdf") in ("media_empty", "media_broken")


def test_an_encrypted_pdf_is_unsupported(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([[(72, 700, 12, "secret")]], encrypted=True))
    assert fault(tmp_path / "a.pdf") == "media_unsupported"


def test_more_pages_than_allowed(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([[]] * 5))
    assert fault(tmp_path / "a.pdf", Limits(pages=4)) == "media_bomb"


def test_a_page_as_large_as_a_town_is_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([[(72, 700, 12, "x")]], size=(1_000_000, 1_000_000)))
    assert fault(tmp_path / "a.pdf", Limits(pixels=1_000_000)) == "media_bomb"


def test_a_page_as_thin_as_a_thread(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([[]], size=(14_000, 1)))
    assert fault(tmp_path / "a.pdf") == "none"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_pdf_ends_in_a_code(tmp_path: Path, share: float) -> None:
    data = pdf([[(72, 700, 12, "words")]])
    (tmp_path / "a.pdf").write_bytes(data[: int(len(data) * share)])
    assert fault(tmp_path / "a.pdf") in ("none", "media_broken", "media_empty")


def test_a_page_tree_that_points_to_itself(tmp_path: Path) -> None:
    data = pdf([[(72, 700, 12, "words")]]).replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]")
    (tmp_path / "a.pdf").write_bytes(data)
    assert fault(tmp_path / "a.pdf") in ("media_broken", "media_empty", "none")


def test_a_lying_count_of_pages(tmp_path: Path) -> None:
    data = pdf([[(72, 700, 12, "words")]]).replace(b"/Count 1 ", b"/Count 9 ")
    (tmp_path / "a.pdf").write_bytes(data)
    got = reading(tmp_path / "a.pdf")
    assert [piece.text for piece in got.pieces if piece.text] == ["words"]
