from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from foveate.ids import chunk_id, digest, file_digest, media_id
from foveate.locators import Box, CharSpan

parts = st.lists(st.one_of(st.text(), st.binary()), max_size=5)


@given(parts, parts)
def test_equal_only_for_equal_parts(left: list[str | bytes], right: list[str | bytes]) -> None:
    def raw(items: list[str | bytes]) -> list[bytes]:
        return [item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item for item in items]

    assert (digest(*left) == digest(*right)) == (raw(left) == raw(right))


def test_lengths_keep_parts_apart() -> None:
    assert digest("ab", "c") != digest("a", "bc") != digest("abc")


def test_known_value() -> None:
    # SHA-256 over eight length bytes and the part, by hand: printf '\0\0\0\0\0\0\0\1a' | sha256sum
    assert digest("a") == "3b196fd4907bedf51c3090e9835f2f7c"


def test_media_and_chunks() -> None:
    one = media_id("image", "aa")
    assert one != media_id("film", "aa") != media_id("image", "ab")
    assert one != media_id("image", "aa", ["caption"])
    whole = Box(x0=0, y0=0, x1=1, y1=1)
    assert chunk_id(one, "picture", 0, whole) != chunk_id(one, "picture", 1, whole)
    assert chunk_id(one, "picture", 0, whole) != chunk_id(one, "ocr", 0, whole)
    # The same sentence twice in one text is two chunks.
    assert chunk_id(one, "passage", 0, CharSpan(start=0, end=5)) != chunk_id(
        one, "passage", 0, CharSpan(start=9, end=14)
    )


def test_file_digest(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert file_digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
