from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from foveate.errors import CallerError, EncoderMismatch, ModelError
from foveate.retrievers.geometry.probabilistic import (
    ADAPTER,
    SCALE_MIN,
    MatchUncertainty,
    generalised_variance,
    log_gamma,
)
from foveate.retrievers.geometry.tensors import write_tensors


def adapter(d: int = 6, k: int = 3, h: int = 4, seed: int = 0) -> MatchUncertainty:
    rng = np.random.default_rng(seed)
    shapes = {"mean": (d,), "projection": (d, k), "hidden": (k, h), "hidden_bias": (h,), "out": (h, 3 * k)}
    shapes["out_bias"] = (3 * k,)
    tensors = {f"{side}.{name}": rng.normal(size=shape) for side in ("text", "image") for name, shape in shapes.items()}
    return MatchUncertainty(tensors=tensors, encoder="here")


@given(st.floats(0.05, 60.0))
def test_log_gamma_is_scipys(value: float) -> None:
    assert log_gamma(np.array([value]))[0] == pytest.approx(special.gammaln(value), rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0, 4.0])
def test_variance_is_that_of_scipys_distribution(shape: float) -> None:
    expected = stats.gennorm.var(shape, scale=1.7)
    assert generalised_variance(np.array([1.7]), np.array([shape]))[0] == pytest.approx(expected)


def test_by_hand() -> None:
    zeros = {"mean": (2,), "hidden": (1, 1), "hidden_bias": (1,), "out": (1, 3), "out_bias": (3,)}
    tensors = {f"{side}.{name}": np.zeros(shape) for side in ("text", "image") for name, shape in zeros.items()}
    tensors |= {f"{side}.projection": np.array([[2.0], [0.0]]) for side in ("text", "image")}
    found = MatchUncertainty(tensors=tensors, encoder="x")
    mean, scale, shape = found.distribution(np.array([[1.5, 9.0]]), "text")
    assert (mean[0, 0], scale[0, 0], shape[0, 0]) == pytest.approx((3.0, np.log(2.0) + SCALE_MIN, 2.25))
    variance = stats.gennorm.var(2.25, scale=np.log(2.0) + SCALE_MIN)
    assert found.uncertainty(np.array([[1.5, 9.0]]), "text")[0] == pytest.approx(variance / 9.0)


def test_rows_do_not_meet() -> None:
    rows = np.random.default_rng(1).normal(size=(5, 6))
    whole = adapter().uncertainty(rows, "image")
    assert (whole > 0).all()
    assert [adapter().uncertainty(row[None], "image")[0] for row in rows] == pytest.approx(whole)
    assert adapter().uncertainty(rows[:0], "text").shape == (0,)
    # A vector at the mean has no direction at all: finite, and the most uncertain.
    assert np.isfinite(whole).all()


def test_kept_and_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    adapter().save(path)
    rows = np.random.default_rng(1).normal(size=(5, 6))
    again = MatchUncertainty.load("here", path).uncertainty(rows, "text")
    assert again == pytest.approx(adapter().uncertainty(rows, "text"), rel=0.02)
    with pytest.raises(EncoderMismatch, match="'elsewhere'"):
        MatchUncertainty.load("elsewhere", path)
    with pytest.raises(CallerError, match="no fitted arrays"):
        MatchUncertainty.load("here", tmp_path / "none.safetensors")


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(ADAPTER.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be read"):
        MatchUncertainty.load("here", path)
    write_tensors(path, {"a": np.ones(2)}, {"kind": "other", "encoder": "here"})
    with pytest.raises(ModelError, match="'other'"):
        MatchUncertainty.load("here", path)
    with pytest.raises(CallerError, match="float16"):
        write_tensors(path, {"a": np.array([1e6])}, {"kind": "other", "encoder": "here"})


def test_what_does_not_fit_is_refused() -> None:
    tensors = dict(adapter().tensors)
    with pytest.raises(CallerError, match=r"image.out has shape \(4, 8\); needed is \(4, 9\)"):
        MatchUncertainty(tensors=tensors | {"image.out": np.zeros((4, 8))}, encoder="x")
    with pytest.raises(CallerError, match=r"lacks \['mean'\] of 'text'"):
        MatchUncertainty(tensors={k: v for k, v in tensors.items() if k != "text.mean"}, encoder="x")
    with pytest.raises(CallerError, match="'sound'"):
        adapter().uncertainty(np.zeros((1, 6)), "sound")  # type: ignore[arg-type]
    with pytest.raises(CallerError, match=r"\(n, 6\)"):
        adapter().uncertainty(np.zeros((1, 5)), "text")
