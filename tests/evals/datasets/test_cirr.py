"""CIRR, on a small folder in its format."""

from pathlib import Path
from typing import Any

import pytest

from foveate.errors import CallerError
from foveate.evals.datasets import cirr
from foveate.evals.samples import Document, Sample
from tests.evals.published import draw, write_json

NAMES = ("dev-1-0-img0", "dev-2-0-img1", "dev-3-1-img0", "dev-4-0-img0")


def pair(number: int, reference: str, target: str) -> dict[str, Any]:
    return {
        "pairid": number,
        "reference": reference,
        "target_hard": target,
        "target_soft": {target: 1.0},
        "caption": f"more of {number}",
        "img_set": {"id": 1, "members": list(NAMES[:3]), "reference_rank": 3, "target_rank": 4},
    }


def fill(folder: Path, rows: list[Any], table: dict[str, Any] | None = None) -> None:
    write_json(folder / "captions" / "cap.rc2.val.json", rows)
    table = {name: f"./dev/{name}.png" for name in NAMES} if table is None else table
    write_json(folder / "image_splits" / "split.rc2.val.json", table)
    draw(folder / "img_raw" / "dev", *(f"{name}.png" for name in NAMES))


def path(folder: Path, name: str) -> str:
    return str(folder / "img_raw" / "dev" / f"{name}.png")


def test_every_other_picture_is_ranked(tmp_path: Path) -> None:
    fill(tmp_path, [pair(12063, NAMES[0], NAMES[1]), pair(7, NAMES[2], NAMES[3])])
    dataset = cirr.read(tmp_path)
    assert dataset.samples == (
        Sample(
            id="12063",
            text="more of 12063",
            images=(path(tmp_path, NAMES[0]),),
            candidates=(NAMES[1], NAMES[2], NAMES[3]),
            relevant={NAMES[1]: 1.0},
            group=NAMES[0],
        ),
        Sample(
            id="7",
            text="more of 7",
            images=(path(tmp_path, NAMES[2]),),
            candidates=(NAMES[0], NAMES[1], NAMES[3]),
            relevant={NAMES[3]: 1.0},
            group=NAMES[2],
        ),
    )
    assert dataset.documents == tuple(Document(id=name, image=path(tmp_path, name)) for name in NAMES)
    assert (dataset.name, dataset.licence) == ("cirr", cirr.INFO.licence)
    assert dataset.source.endswith("split val, protocol full, reference picture not ranked")


def test_the_subset_is_the_picture_set_without_the_reference(tmp_path: Path) -> None:
    fill(tmp_path, [pair(1, NAMES[0], NAMES[1])])
    assert cirr.read(tmp_path, protocol="subset").samples[0].candidates == (NAMES[1], NAMES[2])
    kept = cirr.read(tmp_path, protocol="subset", reference="in")
    assert kept.samples[0].candidates == NAMES[:3]


def test_with_the_reference_all_documents_are_ranked(tmp_path: Path) -> None:
    fill(tmp_path, [pair(1, NAMES[0], NAMES[1])])
    assert cirr.read(tmp_path, reference="in").samples[0].candidates == ()


def test_the_hidden_test_split_has_nothing_right(tmp_path: Path) -> None:
    row = pair(1, NAMES[0], NAMES[1])
    del row["target_hard"], row["target_soft"]
    write_json(tmp_path / "captions" / "cap.rc2.test1.json", [row])
    write_json(tmp_path / "image_splits" / "split.rc2.test1.json", {name: f"{name}.png" for name in NAMES[:3]})
    draw(tmp_path, *(f"{name}.png" for name in NAMES[:3]))
    (sample,) = cirr.read(tmp_path, split="test1").samples
    assert sample.relevant == {} and sample.candidates == NAMES[1:3]


def test_missing_pictures_raise_or_are_left_out(tmp_path: Path) -> None:
    rows = [pair(1, NAMES[0], NAMES[1]), pair(2, NAMES[1], NAMES[3]), pair(3, NAMES[3], NAMES[0])]
    fill(tmp_path, rows)
    Path(path(tmp_path, NAMES[3])).unlink()
    with pytest.raises(CallerError, match=r"split\.rc2\.val\.json, entry 'dev-4-0-img0': no file"):
        cirr.read(tmp_path)
    kept = cirr.read(tmp_path, missing="drop")
    # The second has lost its target, the third its reference.
    assert [sample.id for sample in kept.samples] == ["1"]
    assert kept.samples[0].candidates == NAMES[1:3]
    assert [document.id for document in kept.documents] == list(NAMES[:3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"caption": 7}, r"cap\.rc2\.val\.json, entry 0: field 'caption' must be str, found 7"),
        ({"pairid": 1.5}, r"entry 0: field 'pairid' must be str, found 1\.5"),
        ({"reference": "dev-9"}, r"entry 0: field 'reference' names 'dev-9'"),
        ({"target_hard": "dev-9"}, r"sample '1' names document 'dev-9'"),
        ({"target_hard": ["dev-9"]}, r"entry 0: field 'target_hard' must be str, found \['dev-9'\]"),
    ],
)
def test_a_bad_row_names_its_place(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    fill(tmp_path, [pair(1, NAMES[0], NAMES[1]) | changes])
    with pytest.raises(CallerError, match=message):
        cirr.read(tmp_path)


def test_a_bad_set_names_its_place(tmp_path: Path) -> None:
    fill(tmp_path, [pair(1, NAMES[0], NAMES[1]) | {"img_set": {"members": [3]}}])
    with pytest.raises(
        CallerError, match=r"entry 0, field 'img_set': field 'members' must be list of str, found \[3\]"
    ):
        cirr.read(tmp_path, protocol="subset")


def test_paths_stay_inside_the_folder(tmp_path: Path) -> None:
    fill(tmp_path, [pair(1, NAMES[0], NAMES[1])], {NAMES[0]: "../../etc/passwd"})
    with pytest.raises(CallerError, match=r"entry 'dev-1-0-img0': '\.\./\.\./etc/passwd' is not a file inside"):
        cirr.read(tmp_path, missing="drop")


def test_a_table_of_paths_holds_texts(tmp_path: Path) -> None:
    fill(tmp_path, [pair(1, NAMES[0], NAMES[1])], {NAMES[0]: 5})
    with pytest.raises(CallerError, match=r"split\.rc2\.val\.json: field 'dev-1-0-img0' must be str, found 5"):
        cirr.read(tmp_path)


@pytest.mark.parametrize("option", ["split", "protocol", "reference", "missing"])
def test_unknown_options_name_the_choices(tmp_path: Path, option: str) -> None:
    fill(tmp_path, [pair(1, NAMES[0], NAMES[1])])
    with pytest.raises(CallerError, match=f"option {option}='x' is unknown; choices: .*,"):
        cirr.read(tmp_path, **{option: "x"})


def test_no_file_and_no_rows(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"no file .*split\.rc2\.val\.json"):
        cirr.read(tmp_path)
    fill(tmp_path, [])
    with pytest.raises(CallerError, match="cirr: no sample that can be used"):
        cirr.read(tmp_path)


def test_an_id_comes_once(tmp_path: Path) -> None:
    fill(tmp_path, [pair(1, NAMES[0], NAMES[1])] * 2)
    with pytest.raises(CallerError, match="two samples have the id '1'"):
        cirr.read(tmp_path)
