import json
from pathlib import Path

import numpy as np
import pytest

from foveate.errors import CallerError
from foveate.retrievers.alignment.figures import auroc
from foveate.retrievers.alignment.fitting import Fit, batch, fit, logits
from foveate.retrievers.alignment.head import AlignmentHead
from foveate.retrievers.alignment.rows import read_rows
from foveate.retrievers.alignment.training import CARD, HEAD, OUT_OF_FOLD, folds, train_answerability
from foveate.retrievers.encoders.hashed import HashedEncoder
from tests.retrievers.alignment.making import made, write_items

QUICK = Fit(epochs=120, patience=40)


def test_numpy_and_torch_agree() -> None:
    rng = np.random.default_rng(0)
    alignments = [made(count, rng) for count in (1, 4, 2, 3, 5, 2)]
    rows = batch(alignments, [one.options[0] for one in alignments], [0, 1, 2, 0, 1, 2])
    tensors, epoch = fit(rows, rows, Fit(epochs=30))
    head = AlignmentHead(tensors=tensors, encoder="made", encoder_name="made")
    found = logits(tensors, rows).astype(np.float64)
    shares = np.exp(found) / np.exp(found).sum(axis=1, keepdims=True)
    np.testing.assert_allclose([[*head(one).values()] for one in alignments], shares, atol=1e-5)
    assert 1 <= epoch <= 30


def test_same_seed_same_head() -> None:
    rng = np.random.default_rng(1)
    alignments = [made(3, rng) for _ in range(9)]
    rows = batch(alignments, [None] * 9, [0, 1, 2] * 3)
    first, second = (fit(rows, None, Fit(epochs=5))[0] for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not np.array_equal(first["out"], fit(rows, None, Fit(epochs=5, seed=1))[0]["out"])


def test_folds_keep_groups_whole() -> None:
    groups = [f"g{number % 13}" for number in range(100)]
    found = folds(groups, 5)
    assert all(
        len({int(fold) for fold, group in zip(found, groups, strict=True) if group == one}) == 1 for one in groups
    )
    assert set(found.tolist()) == set(range(5)) and np.bincount(found).min() >= 14
    assert np.array_equal(found, folds(groups, 5))


def test_auroc_against_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 9, 200).astype(float), rng.random(200) < 0.3
    assert auroc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))
    assert auroc(scores, np.ones(200, bool)) is None


def test_trains_on_what_a_picture_shows(tmp_path: Path) -> None:
    data = write_items(tmp_path / "data")
    told: list[float] = []
    card = train_answerability(
        HashedEncoder(), data, tmp_path / "out", how=QUICK, tell=lambda share, line: told.append(share)
    )
    assert card.rows == 33 and card.groups == 11 and told == sorted(told)
    rows = [json.loads(line) for line in (tmp_path / "out" / OUT_OF_FOLD).read_text().splitlines()]
    assert [row["id"] for row in rows] == [f"row {number}" for number in range(33)]
    assert all(abs(row["answerable"] + row["absent"] + row["incompatible"] - 1) < 1e-5 for row in rows)
    head = AlignmentHead.load(tmp_path / "out" / HEAD)
    assert head.encoder == "hashed-1"
    # A coloured picture has the colour's own vector: held-out colours are told by the best cosine.
    found = card.figures["head"]["all"]
    assert found is not None and found > 0.8 and f"{found:.3f}" in (tmp_path / "out" / CARD).read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "dev"}, "line 1: split is 'dev'"),
        ({"options": "red"}, "line 1: options is 'red'"),
        ({"choice": 9}, "line 1: choice is 9; null, or an index of 4 options"),
        ({"choice": True}, "line 1: choice is True"),
        ({"answerable": False}, "line 1: answerable is False and reason 'none'"),
        ({"question": None}, "line 1: question is None"),
        ({"picture": "gone.png"}, "line 1: no picture at .*gone.png"),
    ],
)
def test_wrong_rows(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = write_items(tmp_path / "data")
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), **change}), *others]))
    with pytest.raises(CallerError, match=message):
        read_rows(path)


def test_wrong_files(tmp_path: Path) -> None:
    path = write_items(tmp_path / "data")
    lines = path.read_text().splitlines()
    with pytest.raises(CallerError, match="no file of questions"):
        read_rows(tmp_path / "none.jsonl")
    for text, message in (
        ("[1]", "line 1: .* is not an object"),
        ("{", "line 1: not JSON"),
        ("{}", "'question' is missing"),
        (lines[0], "holds no training row with a picture that is 'absent', 'incompatible'"),
    ):
        with pytest.raises(CallerError, match=message):
            read_rows(_beside(path, text))
    with pytest.raises(CallerError, match="3 groups among the training rows; at least 10"):
        train_answerability(HashedEncoder(), _beside(path, "\n".join(lines[:9])), tmp_path / "out")


def test_broken_picture(tmp_path: Path) -> None:
    path = write_items(tmp_path / "data")
    (path.parent / "red.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    with pytest.raises(CallerError, match=r"red\.png.*cannot be read"):
        train_answerability(HashedEncoder(), path, tmp_path / "out", how=QUICK)


def _beside(path: Path, text: str) -> Path:
    beside = path.with_name("other.jsonl")
    beside.write_text(text)
    return beside
