"""Reader of the stamps, on a tiny folder in their format."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.stamps import recalls
from foveate.errors import CallerError, MediaError, ServiceError
from foveate.evals.datasets import stamps
from foveate.evals.datasets.stamps import read_stamps
from foveate.retrievers.training import packages


def add(folder: Path, name: str, text: str | bytes | None) -> None:
    path = folder / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGBA", (8, 8), (200, 0, 0, 128)).save(path)
    if text is not None:
        path.with_suffix(".txt").write_bytes(text.encode() if isinstance(text, str) else text)


def test_captioned_pngs_are_read_sorted(tmp_path: Path) -> None:
    add(tmp_path, "vehicles/tram", "A tram.\nfr.utf8=Un tramway.\n")
    add(tmp_path, "animals/heron", "  A heron. \n")
    add(tmp_path, "nocaption", None)
    add(tmp_path, "empty", "\n")
    add(tmp_path, "foreign", "de.utf8=Ein Haus.\n")
    (tmp_path / "drawn.svg").write_text("<svg/>")
    (tmp_path / "drawn.txt").write_text("A drawing.\n")
    found = read_stamps(tmp_path)
    assert [(stamp.key, stamp.caption) for stamp in found] == [
        ("animals/heron.png", "A heron."),
        ("vehicles/tram.png", "A tram."),
    ]
    assert all(stamp.path.is_file() for stamp in found)


def test_equal_captions_stay_two_stamps(tmp_path: Path) -> None:
    add(tmp_path, "a", "A cup.")
    add(tmp_path, "b", "A cup.")
    assert len(read_stamps(tmp_path)) == 2


def test_nothing_to_read_is_the_callers_fault(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="no folder"):
        read_stamps(tmp_path / "absent")
    with pytest.raises(CallerError, match="no PNG"):
        read_stamps(tmp_path)


def test_a_broken_caption_names_its_file(tmp_path: Path) -> None:
    add(tmp_path, "bad", b"\xff\xfe")
    with pytest.raises(MediaError, match=r"bad\.txt"):
        read_stamps(tmp_path)


def test_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "debian" / stamps.PACKAGE
    folder.mkdir(parents=True)
    monkeypatch.setattr(packages, "_run", lambda *_: pytest.fail("downloaded again"))
    assert stamps.fetch_stamps(tmp_path) == folder / "usr/share/tuxpaint/stamps"


def test_a_failing_download_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamps, "PACKAGE", "no-such-package-of-stamps")
    with pytest.raises(ServiceError):
        stamps.fetch_stamps(tmp_path)
    assert list((tmp_path / "debian").iterdir()) == []


def test_recall_counts_ties_against_and_equal_captions_for() -> None:
    eye, names = np.eye(12, dtype=np.float32), [str(i) for i in range(12)]
    assert recalls(eye, eye, names) == {1: 1.0, 5: 1.0, 10: 1.0}
    same = np.ones((12, 2), np.float32)
    assert recalls(same, same, names) == {1: 0.0, 5: 0.0, 10: 0.0}
    swapped = eye[[1, 0, *range(2, 12)]]
    assert recalls(eye, swapped, names)[1] == pytest.approx(10 / 12)
    assert recalls(eye, swapped, ["a", "a", *names[2:]])[1] == 1.0


def test_strict_recall_counts_the_own_picture_alone() -> None:
    eye, names = np.eye(12, dtype=np.float32), [str(i) for i in range(10)]
    swapped = eye[[1, 0, *range(2, 12)]]
    assert recalls(eye, eye, ["a", "a", *names], strict=True)[1] == 1.0
    assert recalls(eye, swapped, ["a", "a", *names], strict=True)[1] == pytest.approx(10 / 12)
