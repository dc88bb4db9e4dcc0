"""Text files: lines with their places, the whole, and what is no UTF-8."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.errors import CallerError
from foveate.evals.reading.texts import lines, numbered, whole

READERS: tuple[Callable[[Path], object], ...] = (
    whole,
    lambda path: list(lines(path)),
    lambda path: list(numbered(path)),
)


def test_lines_keep_their_endings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\r\nb\n\nc")
    assert list(lines(path)) == ["a\r\n", "b\n", "\n", "c"]
    assert whole(path) == "a\nb\n\nc"


def test_numbered_lines_are_plain_and_know_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b" a \r\n\n \t\nb\tc\n")
    assert list(numbered(path)) == [(" a ", "a.txt, line 1"), ("b\tc", "a.txt, line 4")]


@pytest.mark.parametrize("read", READERS)
def test_a_byte_order_mark_is_no_text(tmp_path: Path, read: Callable[[Path], object]) -> None:
    plain, marked = tmp_path / "plain/a.txt", tmp_path / "marked/a.txt"
    for path, data in ((plain, b"x\n"), (marked, b"\xef\xbb\xbfx\n")):
        path.parent.mkdir()
        path.write_bytes(data)
    assert read(plain) == read(marked)


@pytest.mark.parametrize("read", READERS)
def test_what_is_no_text_names_the_file(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(CallerError, match=r"no file '.*/a\.txt'"):
        read(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_bytes(b"fine\n\xff\n")
    with pytest.raises(CallerError, match=r"^a\.txt is not UTF-8: "):
        read(tmp_path / "a.txt")


def test_an_error_of_the_reader_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\nb\n")
    with pytest.raises(KeyError):
        for line in lines(tmp_path / "a.txt"):
            raise KeyError(line)


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1)))
def test_any_lines_come_back(tmp_path_factory: pytest.TempPathFactory, found: list[str]) -> None:
    path = tmp_path_factory.mktemp("texts") / "a.txt"
    path.write_text("\ufeff" + "".join(f"{line}\n" for line in found), encoding="utf-8")
    assert [line for line, _ in numbered(path)] == [line for line in found if line.strip()]
