import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import MediaError
from foveate.media.formats import READERS, sniff
from foveate.media.pieces import Limits, ReadOptions
from foveate.media.probe import probe, reader_of
from foveate.media.read import read
from tests.makers import corners, fault, film, found, pdf, probed


def code_of(head: bytes, name: str = "a") -> str:
    with pytest.raises(MediaError) as error:
        sniff(head, name)
    return error.value.code


@pytest.mark.parametrize("form", sorted(READERS))
def test_every_reader_is_there(form: str) -> None:
    assert callable(reader_of(form).facts) and callable(reader_of(form).read)


@pytest.mark.parametrize(
    ("head", "name", "form"),
    [
        (b"%PDF-1.4", "a.txt", "pdf"),
        (b"\n%PDF-1.4", "a", "pdf"),
        (b"BM" + bytes(12) + b"\x28\0\0\0", "a", "bmp"),
        (b"BMW builds cars and motorcycles.", "a.txt", "text"),
        (b"GIF89a", "a.png", "gif"),
        (b"RIFF....WEBP", "a", "webp"),
        (b"RIFF....AVI ", "a", "avi"),
        (b"\0\0\0\x20ftypisom", "a.jpg", "mp4"),
        (b"\x1a\x45\xdf\xa3....webm", "a", "webm"),
        (b"\x47" + bytes(187) + b"\x47" + bytes(187) + b"\x47", "a", "mpegts"),
        (b"Given up. " * 60, "a", "text"),
        (b"# Head", "a.md", "markdown"),
        (b"# Head", "a.txt", "text"),
        (b"<!-- x --><!DOCTYPE HTML>", "a.txt", "html"),
        (b'<?xml version="1.0"?><html xmlns="x">', "a", "html"),
        (b"<note>x</note>", "a.xml", "text"),
        (b"WEBVTT\n", "a", "vtt"),
        ("\ufeffWEBVTT".encode(), "a", "vtt"),
        (b"1\r\n00:00:01,000 --> 00:00:02,000\r\nHi", "a", "srt"),
        (b"export const x: number = 3;", "a.ts", "text"),
        ("Ein Fähre".encode("cp1252"), "a.txt", "text"),
        ("text".encode("utf-16"), "a", "text"),
    ],
)
def test_content_decides(head: bytes, name: str, form: str) -> None:
    assert sniff(head, name) == form


@pytest.mark.parametrize(
    "head",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b'<?xml version="1.0"?>\n<!-- x -->\n<!DOCTYPE svg PUBLIC "x" "y">\n<svg>',
        b"#EXTM3U\n",
        b"ffconcat version 1.0\n",
        b"PK\x03\x04" + bytes(40),
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"8BPS" + bytes(40),
        b"SIMPLE  =                    T",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"\0\0\0\x20ftypheic",
        b"\0\0\0\x20ftypM4A ",
        b"RIFF....WAVE",
        b"ID3\x04" + bytes(40),
        b"\x1f\x8b\x08" + bytes(40),
        b"{\\rtf1",
        b"\0" * 100,
        bytes(range(256)),
    ],
)
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.mp4", "a.txt", "a"])
def test_what_is_not_read_is_refused_whatever_its_name(head: bytes, name: str) -> None:
    assert code_of(head, name) == "media_unsupported"


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "a.mp4"])
def test_text_named_like_a_picture_is_refused(name: str) -> None:
    assert code_of(b"<!doctype html><p>404 not found", name) == "media_unsupported"
    assert code_of(b"hello", name) == "media_unsupported"


@pytest.mark.parametrize("unit", ["<!---->", "<!-- ", "<?xml", "<", " ", "\n", "0:", "1\n", "<!doctype svg "])
def test_hostile_heads_take_no_time(unit: str) -> None:
    start = time.process_time()
    for name in ("a.txt", "a.md"):
        assert sniff((unit * 65_536)[:65_536].encode(), name) in ("text", "markdown")
    assert time.process_time() - start < 0.5


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["a.png", "a.txt", "a.md", "a"]))
def test_any_head_gives_a_format_or_a_code(head: bytes, name: str) -> None:
    try:
        assert sniff(head, name) in READERS
    except MediaError as error:
        assert error.code == "media_unsupported"


def test_an_svg_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg/>")
    with pytest.raises(MediaError, match="SVG is a program that draws, not a picture; save it as PNG"):
        probed(tmp_path / "a.svg")


def test_an_empty_file(tmp_path: Path) -> None:
    for name in ("a.png", "a.txt", "a.pdf", "a.mp4"):
        (tmp_path / name).touch()
        assert fault(tmp_path / name) == "media_empty"


def test_a_file_over_the_limit_is_not_opened_further(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.png")
    assert fault(tmp_path / "a.png", Limits(file_bytes=20)) == "media_bomb"


def test_random_bytes_behind_every_magic_end_in_a_code(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.tif")
    corners().save(tmp_path / "a.gif")
    film(tmp_path / "a.mp4", [(255, 0, 0)])
    (tmp_path / "a.pdf").write_bytes(pdf([[(72, 700, 12, "x")]]))
    for seed in ("a.tif", "a.gif", "a.mp4", "a.pdf"):
        good = (tmp_path / seed).read_bytes()
        for at in range(12, min(len(good), 700), 23):
            (tmp_path / f"bad{seed}").write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
            assert fault(tmp_path / f"bad{seed}") in (
                "none",
                "media_broken",
                "media_unsupported",
                "media_bomb",
                "media_empty",
            )


def test_a_file_that_changed_since_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("one")
    source = found(path)
    path.write_text("other")
    with pytest.raises(MediaError, match="changed") as error:
        probe(source, Limits(), ReadOptions())
    assert error.value.code == "media_unreadable"
    path.unlink()
    with pytest.raises(MediaError, match="no such file"):
        read(source, 0, Limits(), ReadOptions())


def test_a_file_swapped_for_a_link_or_a_pipe_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("mine")
    (tmp_path / "secret").write_text("yours")
    source = found(path)
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(MediaError, match="symbolic link"):
        probe(source, Limits(), ReadOptions())
    with pytest.raises(MediaError, match="changed"):
        probe(replace(source, linked=True), Limits(), ReadOptions())
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(MediaError, match="regular"):
        probe(source, Limits(), ReadOptions())


def test_a_caption_that_is_a_link_is_none(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.png")
    (tmp_path / "secret").write_text("yours")
    (tmp_path / "a.txt").symlink_to(tmp_path / "secret")
    assert found(tmp_path / "a.png").caption is None


def test_no_permission(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from foveate.errors import MediaError; from foveate.media.discover import discover\n"
        "from foveate.media.probe import probe; from foveate.media.pieces import Limits, ReadOptions\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "(source,) = discover([Path(sys.argv[1])])\n"
        "try: probe(source, Limits(), ReadOptions())\n"
        "except MediaError as error: print(error.code, error)"
    )
    with tempfile.TemporaryDirectory() as name:  # pytest's own folder is closed to other users
        path = Path(name) / "a.md"
        path.write_text("locked")
        Path(name).chmod(0o755)
        path.chmod(0)
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout == "media_unreadable cannot be opened: permission denied\n", done.stderr
