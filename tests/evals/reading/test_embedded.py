import base64
import hashlib
from pathlib import Path

import pytest

from foveate.errors import CallerError
from foveate.evals.reading import embedded
from foveate.evals.reading.embedded import unpacked
from tests.evals.published import picture_bytes


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(("form", "ending"), [("PNG", ".png"), ("JPEG", ".jpg")])
def test_a_picture_is_written_under_its_hash(tmp_path: Path, form: str, ending: str) -> None:
    data = picture_bytes(form)
    path = Path(unpacked(text(data), tmp_path / "new/pictures", "row 1"))
    assert path == tmp_path / "new/pictures" / f"{hashlib.sha256(data).hexdigest()}{ending}"
    assert path.read_bytes() == data
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_a_name_and_a_prefix(tmp_path: Path) -> None:
    data = picture_bytes()
    path = unpacked(f"data:image/png;base64,{text(data)}", tmp_path, "row 1", "42")
    assert path == str(tmp_path / "42.png")


def test_a_picture_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = Path(unpacked(text(picture_bytes()), tmp_path, "row 1"))
    before = path.stat().st_mtime_ns
    assert unpacked(text(picture_bytes()), tmp_path, "row 2") == str(path)
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("data", [b"GIF89a....", b"<svg/>", b"MZ\x90", b""])
def test_nothing_but_png_and_jpeg(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(CallerError, match=r"row 1: a picture must be PNG or JPEG, found bytes"):
        unpacked(text(data), tmp_path, "row 1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("body", ["not base64!", "abc", "Ä"])
def test_nothing_but_base64(tmp_path: Path, body: str) -> None:
    with pytest.raises(CallerError, match="row 1: a picture must be base64"):
        unpacked(body, tmp_path, "row 1")


def test_a_large_picture_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LIMIT_BYTES", 30)
    with pytest.raises(CallerError, match=r"row 1: a picture of .* bytes; at most 30 are taken"):
        unpacked(text(picture_bytes()), tmp_path, "row 1")
