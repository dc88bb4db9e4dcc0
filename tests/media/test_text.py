from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import MediaError
from foveate.locators import CharSpan
from foveate.media.decoding import clean, decode
from foveate.media.html import extract
from foveate.media.pieces import Limits
from tests.makers import fault, pieces, probed, reading


def span(piece_locator: object) -> CharSpan:
    assert isinstance(piece_locator, CharSpan)
    return piece_locator


def test_spans_refer_to_the_decoded_text(tmp_path: Path) -> None:
    text = "Grüße.\n\nThe tide is high. " + "The tide is high.\n" * 60
    (tmp_path / "a.txt").write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    found = pieces(tmp_path / "a.txt")
    assert len(found) > 1 and len({piece.locator for piece in found}) == len(found)
    for piece in found:
        assert piece.part == "passage" and text[span(piece.locator).start : span(piece.locator).end] == piece.text


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", ()),
        ("utf-8-sig", ()),
        ("cp1252", ("decoded as windows-1252",)),
        ("utf-16", ("decoded as utf-16-le",)),
        ("utf-16-le", ("decoded as utf-16-le",)),
        ("utf-16-be", ("decoded as utf-16-be",)),
        ("utf-32", ("decoded as utf-32-le",)),
    ],
)
def test_encodings(tmp_path: Path, encoding: str, note: tuple[str, ...]) -> None:
    text = "Die Fähre fährt täglich \N{EN DASH} außer sonntags, für 4 €. It is a long crossing."
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    got = reading(tmp_path / "a.txt")
    assert [piece.text for piece in got.pieces] == [text] and got.notes == note


def test_bytes_that_no_encoding_has_are_latin_1(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Schön und gut, und dann ".encode("latin-1") + b"\x81\x8d.")
    assert reading(tmp_path / "a.txt").notes[0] == "decoded as latin-1"


def test_a_few_broken_bytes_do_not_turn_utf_8_into_another(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Zwölf Möwen über Fähren.".encode() * 9 + b"\xff")
    got = reading(tmp_path / "a.txt")
    assert got.notes == ("decoded as utf-8 with broken bytes replaced",) and "Möwen" in (got.pieces[0].text or "")


def test_what_may_not_pass_is_taken_out_and_counted(tmp_path: Path) -> None:
    dirty = "A\0 cat\x1b[2J\u202e sat\u200b on\U000e0041 the\ufeff mat\u2066, the \u0646\u200c\u0645 mat."
    (tmp_path / "a.txt").write_bytes(dirty.encode() + b" \xed\xa0\x80 end of the line.")
    got = reading(tmp_path / "a.txt")
    (piece,) = got.pieces
    assert piece.text == "A cat[2J sat on the mat, the \u0646\u200c\u0645 mat.  end of the line."
    assert got.notes == ("8 control or invisible characters left out",)
    assert span(piece.locator) == CharSpan(start=0, end=len(piece.text))


@given(st.text())
def test_cleaning_is_settled_after_one_pass(text: str) -> None:
    once, _ = clean(text)
    assert clean(once) == (once, 0)
    once.encode("utf-8")


@given(st.binary(max_size=400))
def test_any_bytes_decode_or_are_no_text(data: bytes) -> None:
    try:
        decode(data).text.encode("utf-8")
    except MediaError as error:
        assert error.code == "media_unsupported"


def test_markdown_has_a_title_and_sections(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Intro.\n\n# The *title* #\n\nOne.\n\n## Sub\n\nTwo.\n")
    assert probed(tmp_path / "a.md").media.title == "The *title*"
    assert [piece.text for piece in pieces(tmp_path / "a.md")] == [
        "Intro.",
        "# The *title* #\n\nOne.",
        "## Sub\n\nTwo.",
    ]
    (tmp_path / "a.txt").write_text("# no title\n")
    assert probed(tmp_path / "a.txt").media.format == "text"


@pytest.mark.parametrize(
    "data",
    [bytes(range(256)) * 40, b"\x7fELF" + bytes(200), b"PK\x03\x04" + b"x" * 50, b"\0" * 100, b"MZ\x90\0" + bytes(99)],
)
def test_a_binary_called_txt(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    assert fault(tmp_path / "a.txt") == "media_unsupported"


def test_too_much_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Too long a text.")
    assert fault(tmp_path / "a.txt", Limits(text_bytes=10)) == "media_bomb"
    (tmp_path / "b.txt").write_text("A sentence.\n\n" * 1000)
    assert fault(tmp_path / "b.txt", Limits(chunks=5)) == "media_bomb"


def test_blank_text_has_no_pieces(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(" \n\n\t\n")
    assert reading(tmp_path / "a.txt").pieces == ()


# ---- HTML


def test_html_gives_what_is_seen(tmp_path: Path) -> None:
    page = """<!doctype html><html><head><title> The  ferry </title><style>p{color:red}</style></head><body>
    <script>steal()</script><h1>Ferry</h1><p>It <b>sa</b>ils <!-- no --> at&nbsp;noon.<br>Daily.</p>tail
    <p hidden>hidden</p><p style="display: none">unseen</p><div aria-hidden=true>x</div><noscript>y</noscript>
    <template>t</template><svg><text>drawn</text></svg>
    <ul><li>one<li><p>two</p></ul>
    <table><tr><th>from</th><th>to</th></tr><tr><td><p>a</p><p>b</p></td><td>c</td></tr></table>
    <pre>x  y
    z</pre></body></html>"""
    (tmp_path / "a.html").write_text(page)
    known = probed(tmp_path / "a.html")
    assert (known.media.format, known.media.title) == ("html", "The ferry")
    text, sections = extract(page)
    assert text.replace("\xa0", " ") == (
        "Ferry\n\nIt sails at noon.\nDaily.\n\ntail\n\n- one\n- two\n\nfrom | to\na b | c\n\nx  y\n    z"
    )
    assert sections == [0]
    for piece in pieces(tmp_path / "a.html"):
        assert text[span(piece.locator).start : span(piece.locator).end] == piece.text


def test_html_sections_do_not_run_together(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<html><h1>A</h1><p>One.</p><h2>B</h2><p>Two.</p></html>")
    assert [piece.text for piece in pieces(tmp_path / "a.html")] == ["A\n\nOne.", "B\n\nTwo."]


def test_html_names_its_encoding(tmp_path: Path) -> None:
    page = '<!doctype html><meta charset="koi8-r"><title>Чайка</title><p>Чайка летит.'
    (tmp_path / "a.html").write_bytes(page.encode("koi8-r"))
    assert probed(tmp_path / "a.html").media.title == "Чайка"
    assert pieces(tmp_path / "a.html")[0].text == "Чайка летит."
    (tmp_path / "b.html").write_bytes(b'<!doctype html><meta charset="unicode_escape"><p>\\x41 caf\xe9')
    assert pieces(tmp_path / "b.html")[0].text == "\\x41 café"


def test_html_nested_deep() -> None:
    text, _ = extract("<div>" * 10_000 + "deep" + "<b>" * 9_000 + "er" + "<p>" * 50_000)
    assert text.replace("\n", "") == "deeper"
    with pytest.raises(MediaError) as error:
        extract("<div>" * 100_000)
    assert error.value.code == "media_bomb"


@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<li>", "<td>", "<tr>", "<h2>", "<pre>", "</pre>", "a ", " b", "<br>", "<table>", "\n"]
        )
    )
)
def test_html_sections_point_at_their_headings(tags: list[str]) -> None:
    text, sections = extract("<body>" + "".join(tags))
    assert all(0 <= at < len(text) for at in sections) and sections == sorted(sections)
    assert text[:1] != "\n"
