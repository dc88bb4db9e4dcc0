import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.probes.captioned import Captioned
from foveate.evals.probes.correlates import correlates, probe, report
from foveate.evals.probes.features import (
    CAPTION_FEATURES,
    PICTURE_FEATURES,
    caption_features,
    colourfulness,
    nearest,
    picture_features,
)
from foveate.evals.probes.rated import Rated, rated_run
from foveate.evals.stats import holm
from tests.evals.probes.toys import NAMES, Palette, block


def test_caption_features_by_hand() -> None:
    found = caption_features(["Two red cups on a big table, without glass.", "A cup", ""])
    assert tuple(found) == CAPTION_FEATURES
    assert found["words"].tolist() == [9, 2, 0]
    assert found["number_words"].tolist() == [1, 0, 0]
    assert found["colour_words"].tolist() == [1, 0, 0]
    assert found["size_words"].tolist() == [1, 0, 0]
    assert found["negations"].tolist() == [1, 0, 0]
    assert found["spatial_words"].tolist() == [1, 0, 0]
    assert found["plurals"].tolist() == [1, 0, 0]  # cups, not glass
    assert found["mean_word_length"][1] == 2.0 and np.isnan(found["mean_word_length"][2])
    # "a" stands in both; the other eight words of the first are its own, and one of the second's two.
    assert found["rare_word_share"][:2].tolist() == [8 / 9, 1 / 2]
    assert np.isnan(found["nearest_caption"]).all()


def test_picture_features_by_hand() -> None:
    half = Image.new("RGBA", (20, 10), (0, 0, 0, 255))
    half.paste((0, 0, 0, 0), (10, 0, 20, 10))
    half.info["size"] = (2000, 1000)
    found = picture_features([half, Image.new("RGB", (4, 8), (255, 0, 0)), None])
    assert tuple(found) == PICTURE_FEATURES
    assert found["megapixels"][:2].tolist() == [2.0, 32 / 1e6]
    assert found["aspect"][:2].tolist() == [2.0, 0.5]
    assert found["transparent_share"][:2].tolist() == [0.5, 0.0]
    assert found["brightness"][0] == pytest.approx(0.5)
    assert found["contrast"][0] == pytest.approx(0.5)
    assert found["entropy_bits"].tolist()[:2] == [pytest.approx(1.0), 0.0]
    assert found["edge_density"][0] == pytest.approx(2 / 20)  # the two columns at the border
    assert found["grey"][:2].tolist() == [1.0, 0.0]
    assert all(np.isnan(values[2]) for values in found.values())


def test_colourfulness_follows_its_formula() -> None:
    rgb = np.zeros((1, 2, 3))
    rgb[0, 0] = (255, 0, 0)  # rg: 255, 0; yb: 127.5, 0
    wanted = np.hypot(127.5, 63.75) + 0.3 * np.hypot(127.5, 63.75)
    assert colourfulness(rgb) == pytest.approx(wanted)


def test_nearest_leaves_out_itself_and_the_missing() -> None:
    rows = np.array([[1, 0], [0.6, 0.8], [0, 0]], np.float32)
    assert nearest(rows, 3)[:2].tolist() == pytest.approx([0.6, 0.6])
    assert np.isnan(nearest(rows, 3)[2])
    assert np.isnan(nearest(rows[:1], 1)).all()


def test_correlates_agree_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    score = rng.normal(size=80)
    features = {"noise": rng.normal(size=80), "real": score + rng.normal(size=80), "flat": np.ones(80)}
    features["noise"][:5] = np.nan
    real, noise, flat = correlates(features, score)
    assert (real.feature, noise.feature, flat.feature) == ("real", "noise", "flat")
    theirs = stats.spearmanr(features["noise"][5:], score[5:])
    assert (noise.rho, noise.p, noise.n) == (pytest.approx(theirs.statistic), pytest.approx(theirs.pvalue), 75)
    assert np.isnan(flat.rho) and np.isnan(flat.holm)
    # Two tests were made, not three.
    assert real.holm == pytest.approx(2 * real.p)
    assert real.holm < 0.05 < noise.holm


def test_holm_by_hand() -> None:
    # Sorted .01 .02 .03 .04 times 4 3 2 1, never falling.
    found = np.array(holm(np.array([0.02, np.nan, 0.01, 0.04, 0.03])))
    np.testing.assert_allclose(found, [0.06, np.nan, 0.04, 0.06, 0.06])
    assert list(holm(np.array([]))) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_p_and_bonferroni(ps: list[float]) -> None:
    found = np.array(holm(np.array(ps)))
    assert (found >= np.array(ps) - 1e-12).all()
    assert (found <= np.minimum(np.array(ps) * len(ps), 1.0) + 1e-12).all()


def test_probe_finds_what_makes_an_encoder_fail(tmp_path: Path) -> None:
    # The encoder knows colours only: captions without one are not found.
    items = []
    for i, colour in enumerate(NAMES * 4):
        path = tmp_path / f"{i}.png"
        block(colour).save(path)
        caption = f"{colour} square" if i % 2 else f"thing {i}"
        items.append(Captioned(id=str(i), path=path, caption=caption))
    body = probe(Palette(), items).to_dict()
    assert "colour_words" in body["facts"]["significant_after_holm"]
    table = {row[0]: row for row in body["tables"][0]["rows"]}
    assert table["colour_words"][1] > 0.8
    assert body["facts"]["samples"] == 20 and body["facts"]["unscored"] == 0
    with pytest.raises(CallerError, match="no samples"):
        probe(Palette(), [])


def test_run_rows(tmp_path: Path) -> None:
    block("red").save(tmp_path / "a.png")
    rows = [
        {"group": "a.png", "sample": {"text": "red", "images": [], "relevant": {"d": 1.0}}, "scores": {"mrr": [1.0]}},
        {"group": "", "sample": {"text": "b", "images": ["gone.png"], "relevant": {}}, "scores": {"mrr": [None]}},
        {"group": "", "sample": {"text": "c", "relevant": {"d": 1.0, "a.png": 2.0}}, "scores": {"mrr": [0.5, 9]}},
    ]
    lines = tmp_path / "plain.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = rated_run(lines, "mrr", root=tmp_path)
    assert [(one.text, one.score) for one in found] == [("red", 1.0), ("b", None), ("c", 0.5)]
    assert [one.picture for one in found] == [tmp_path / "a.png", None, tmp_path / "a.png"]
    facts = report(None, found, measure="mrr").facts
    assert (facts["samples"], facts["unscored"], facts["without_picture"]) == (3, 1, 1)
    assert facts["mean_score"] == 0.75
    with pytest.raises(CallerError, match=r"plain.jsonl, line 1.*no metric 'ndcg'; there are 'mrr'"):
        rated_run(lines, "ndcg")
    lines.write_text(json.dumps({"sample": {}, "scores": {"mrr": ["x"]}}))
    with pytest.raises(CallerError, match="list of numbers"):
        rated_run(lines, "mrr")


def test_unscored_samples_do_not_count_as_failures() -> None:
    rated = [Rated(text="a b"[: 1 + 2 * (i % 2)], picture=None, score=None if i < 4 else float(i)) for i in range(8)]
    facts = report(None, rated, measure="x").facts
    assert facts["unscored"] == 4 and facts["mean_score"] == 5.5
