"""The data hash: everything that can change a result changes it, and nothing else does."""

from dataclasses import replace
from pathlib import Path

import pytest

from foveate.evals.hashing import data_sha256, documents_sha256
from foveate.evals.samples import Dataset, Document, Place, Sample


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    (tmp_path / "a.png").write_bytes(b"picture")
    (tmp_path / "b.mp4").write_bytes(b"film")
    return Dataset(
        name="d",
        samples=(
            Sample(
                id="1",
                text="What?",
                images=(str(tmp_path / "a.png"),),
                answers=("x",),
                relevant={"p": 1.0},
                facts=(Place(document="p", span=(0.0, 1.0)),),
                slices={"kind": "a"},
            ),
        ),
        documents=(Document(id="p", film=str(tmp_path / "b.mp4"), span=(0.0, 1.0)),),
    )


def test_the_same_in_another_folder(data: Dataset, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("a.png", "b.mp4"):
        (moved / name).write_bytes((tmp_path / name).read_bytes())
    other = replace(
        data,
        name="another name",
        samples=(replace(data.samples[0], images=(str(moved / "a.png"),)),),
        documents=(replace(data.documents[0], film=str(moved / "b.mp4")),),
    )
    assert data_sha256(other) == data_sha256(data)


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Which?"},
        {"answers": ("y",)},
        {"relevant": {"p": 2.0}},
        {"slices": {"kind": "b"}},
        {"group": "g"},
        {"answerable": False},
        {"facts": ()},
        {"images": ()},
    ],
)
def test_a_changed_sample_is_other_data(data: Dataset, change: dict[str, object]) -> None:
    other = replace(data, samples=(replace(data.samples[0], **change),))  # type: ignore[arg-type]
    assert data_sha256(other) != data_sha256(data)
    assert documents_sha256(other) == documents_sha256(data)


def test_changed_bytes_are_other_data(data: Dataset, tmp_path: Path) -> None:
    before = data_sha256(data), documents_sha256(data)
    (tmp_path / "a.png").write_bytes(b"another")
    assert data_sha256(data) != before[0] and documents_sha256(data) == before[1]
    (tmp_path / "b.mp4").unlink()
    assert documents_sha256(data) != before[1]
    (tmp_path / "b.mp4").write_bytes(b"film")
    (tmp_path / "b.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nsaid\n")
    assert documents_sha256(data) != before[1]


def test_large_files_count_by_size_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foveate.evals.hashing._WHOLE_BYTES", 100)
    monkeypatch.setattr("foveate.evals.hashing._EDGE_BYTES", 10)
    path = tmp_path / "long.mp4"

    def hashed(raw: bytes) -> str:
        path.write_bytes(raw)
        return data_sha256(Dataset(name="d", samples=(), documents=(Document(id="f", film=str(path)),)))

    whole = hashed(b"a" * 200)
    assert hashed(b"b" + b"a" * 199) != whole
    assert hashed(b"a" * 199 + b"b") != whole
    assert hashed(b"a" * 201) != whole
