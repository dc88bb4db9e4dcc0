import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets.mm_upd import read
from tests.evals.published import picture_bytes, write_csv

RED, BLUE = picture_bytes("JPEG", (200, 0, 0)), picture_bytes("PNG", (0, 0, 200))


def row(index: int, kind: str, options: list[str], answer: str, **more: Any) -> dict[str, Any]:
    letters = dict(zip("ABCDE", [*options, "", "", "", "", ""], strict=False))
    base = {"index": index, "question": "What is it?", "hint": "nan", **letters, "answer": answer}
    rest = {"category": "object_localization", "image": base64.b64encode(more.pop("data", RED)).decode()}
    return {**base, **rest, "source": "code", "l2-category": "perception", "split": "test", "type": kind, **more}


STANDARD = row(241, "standard", ["a cup", "a dog", "a car"], "B", hint="Look closely.")
UPD = row(241, "upd", ["a cup", "a car"], "F", masked_answer="a dog")
NAMES = [*STANDARD, "masked_answer"]


def put(folder: Path, *rows: dict[str, Any], name: str = "mmaad_20240303_base.tsv") -> Path:
    write_csv(folder / name, rows, "\t", NAMES)
    return folder


def test_every_field(tmp_path: Path) -> None:
    standard, upd = read(put(tmp_path, STANDARD, UPD), form="aad").samples
    digest = hashlib.sha256(RED).hexdigest()
    assert (standard.id, upd.id) == ("aad/241/standard", "aad/241/upd")
    assert (standard.text, upd.text) == ("Look closely.\nWhat is it?", "What is it?")
    assert standard.images == upd.images == (str(tmp_path / f"pictures/{digest}.jpg"),)
    assert (tmp_path / f"pictures/{digest}.jpg").read_bytes() == RED
    assert (standard.options, upd.options) == (("a cup", "a dog", "a car"), ("a cup", "a car"))
    assert (standard.choice, upd.choice) == (1, None)
    assert (standard.answerable, upd.answerable) == (True, False)
    assert standard.group == upd.group == digest
    shared = {"form": "aad", "pair": "aad/241", "category": "object_localization", "ability": "perception"}
    assert standard.slices == shared | {"kind": "standard"}
    assert upd.slices == shared | {"kind": "upd"}


def test_all_forms_together(tmp_path: Path) -> None:
    for form in ("aad", "iasd", "ivqd"):
        put(tmp_path / "data", STANDARD, row(241, "upd", ["x"], "F", data=BLUE), name=f"mm{form}_20240303_base.tsv")
    samples = read(tmp_path).samples
    assert [sample.id for sample in samples[::2]] == ["aad/241/standard", "iasd/241/standard", "ivqd/241/standard"]
    assert len(list((tmp_path / "pictures").iterdir())) == 2  # by content, so shared


def test_the_option_that_says_that_none_is_right(tmp_path: Path) -> None:
    upd = row(241, "upd", ["a cup", "a car", "None of the above"], "C")
    put(tmp_path, upd, name="mmaad_20240303_option.tsv")
    (sample,) = read(tmp_path, form="aad", setting="option").samples
    assert (sample.options[2], sample.choice, sample.answerable) == ("None of the above", 2, False)


@pytest.mark.parametrize(("kind", "count"), [("all", 2), ("standard", 1), ("upd", 1)])
def test_one_of_the_twins(tmp_path: Path, kind: str, count: int) -> None:
    samples = read(put(tmp_path, STANDARD, UPD), form="aad", kind=kind).samples
    assert len(samples) == count
    assert all(kind in ("all", sample.slices["kind"]) for sample in samples)


def test_another_folder_for_pictures(tmp_path: Path) -> None:
    (sample,) = read(put(tmp_path / "in", UPD), form="aad", pictures=str(tmp_path / "out")).samples
    assert Path(sample.images[0]).parent == tmp_path / "out"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "aad"}, r"mmaad_20240303_base\.tsv, line 3: field 'type' must be standard or upd, found 'aad'"),
        ({"answer": "F"}, r"line 3: field 'answer' must be the letter of one of 3 options, found 'F'"),
        ({"answer": "E"}, r"line 3: field 'answer' must be the letter"),
        ({"B": ""}, r"line 3: field 'A to E' must be options without a gap"),
        ({"A": "", "B": "nan", "C": ""}, r"line 3: field 'A to E' must be options without a gap"),
        ({"image": "%%%"}, r"line 3, field 'image': a picture must be base64"),
        (
            {"image": base64.b64encode(b"<script>alert(1)</script>").decode()},
            r"line 3, field 'image': a picture must be PNG or JPEG, found bytes b'<script>'",
        ),
        ({"index": ""}, r"line 3: field 'index' must be an id, found ''"),
    ],
)
def test_a_wrong_row(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    put(tmp_path, UPD, {**row(7, "standard", ["a", "b", "c"], "A"), **changes})
    with pytest.raises(CallerError, match=message):
        read(tmp_path, form="aad")


def test_missing_files_unknown_options_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        CallerError, match=r"no file '.*mmiasd_20240303_base\.tsv' or '.*data/mmiasd_20240303_base\.tsv'"
    ):
        read(put(tmp_path, UPD))
    with pytest.raises(CallerError, match="option form='abc' is unknown; choices: aad, all, iasd, ivqd"):
        read(tmp_path, form="abc")
    with pytest.raises(CallerError, match="option setting='inst' is unknown; choices: base, option"):
        read(tmp_path, setting="inst")
    with pytest.raises(CallerError, match="option kind='dual' is unknown; choices: all, standard, upd"):
        read(tmp_path, kind="dual")
    with pytest.raises(CallerError, match=r"mm_upd: no sample that can be used .*mmaad_20240303_base\.tsv"):
        read(put(tmp_path), form="aad")
