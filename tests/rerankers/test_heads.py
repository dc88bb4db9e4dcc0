import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from foveate.errors import CallerError, ModelError
from foveate.rerankers.heads import Head, HeadReport

HEAD = Head(
    kind="compressed",
    tensors={"w": np.arange(6, dtype=np.float32).reshape(2, 3).T},
    encoder="mini-1",
    base="ab" * 32,
    settings={"dim": 3},
    report={"ndcg": 0.5},
)


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "h.safetensors"
    HEAD.save(path)
    back = Head.load(path, kind="compressed", encoder="mini-1", base="ab" * 32)
    assert replace(back, tensors={}) == replace(HEAD, tensors={})
    assert np.array_equal(back.tensors["w"], HEAD.tensors["w"])
    assert [one.name for one in path.parent.iterdir()] == ["h.safetensors"]


def test_same_head_same_bytes(tmp_path: Path) -> None:
    written = set()
    for number in range(8):
        HEAD.save(tmp_path / f"{number}.safetensors")
        written.add((tmp_path / f"{number}.safetensors").read_bytes())
    assert len(written) == 1


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"kind": "multiview"}, "'compressed'"),
        ({"encoder": "clip-2"}, "'clip-2'"),
        ({"base": "cd" * 32}, "cdcdcdcdcdcd"),
        ({"base": ""}, "base model"),
    ],
)
def test_what_it_does_not_fit(tmp_path: Path, wanted: dict[str, str], named: str) -> None:
    HEAD.save(tmp_path / "h.safetensors")
    with pytest.raises(ModelError, match=named):
        Head.load(
            tmp_path / "h.safetensors", **({"kind": "compressed", "encoder": "mini-1", "base": "ab" * 32} | wanted)
        )


def test_names_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"head\.pt"):
        HEAD.save(tmp_path / "head.pt")
    for missing in ("head.pkl", "none.safetensors"):
        with pytest.raises(CallerError, match=missing):
            Head.load(tmp_path / missing, kind="compressed", encoder="mini-1")


@pytest.mark.parametrize(
    "data", [b"", b"\x80\x04pickle", b"\xff" * 64, (8).to_bytes(8, "little") + b"not json", b"\x02" + b"\0" * 7 + b"{}"]
)
def test_damaged(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "h.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="no trained head"):
        Head.load(path, kind="compressed", encoder="mini-1")


def test_cut_short_at_any_byte(tmp_path: Path) -> None:
    path = tmp_path / "h.safetensors"
    HEAD.save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError):
            Head.load(path, kind="compressed", encoder="mini-1", base="ab" * 32)


NO_SIZES = '{"kind": "compressed", "encoder": "e", "base": "", "settings": [], "report": {}}'


@pytest.mark.parametrize("facts", ["[]", "{}", "no json", NO_SIZES])
def test_strange_facts(tmp_path: Path, facts: str) -> None:
    path = tmp_path / "h.safetensors"
    save_file({"w": np.zeros(2, np.float32)}, path, metadata={"foveate": facts})
    with pytest.raises(ModelError, match="no trained head"):
        Head.load(path, kind="compressed", encoder="mini-1")


@pytest.mark.parametrize("value", [np.array([math.nan], np.float32), np.zeros(2, np.float64)])
def test_strange_numbers(tmp_path: Path, value: Any) -> None:
    replace(HEAD, tensors={"w": value}).save(tmp_path / "h.safetensors")
    with pytest.raises(ModelError, match="'w'"):
        Head.load(tmp_path / "h.safetensors", kind="compressed", encoder="mini-1", base="ab" * 32)


def test_a_report_is_json_also_with_unknowns() -> None:
    report = HeadReport(
        questions=9, held_out=2, epochs=0, loss=1.5, ndcg_cosine=math.nan, ndcg_untrained=0.25, ndcg=0.75
    )
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["ndcg_cosine"] is None and told["ndcg"] == 0.75 and told["questions"] == 9
