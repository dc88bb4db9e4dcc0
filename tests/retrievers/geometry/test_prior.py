from pathlib import Path

import numpy as np
import pytest

from foveate.errors import EncoderMismatch, ModelError
from foveate.retrievers.geometry.prior import PRIOR, load_prior, save_prior
from foveate.retrievers.geometry.probabilistic import ADAPTER
from foveate.retrievers.geometry.tensors import write_tensors
from foveate.retrievers.geometry.whitening import Whitening


def test_kept_and_read(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(300, 20)) / 50
    fitted = Whitening.fit(rows, kept=0.8)
    path = tmp_path / "p.safetensors"
    save_prior({"text": fitted}, "here", path)
    again = load_prior("here", path)
    assert list(again) == ["text"] and again["text"].count == 300
    directions = again["text"].directions
    assert directions @ directions.T == pytest.approx(np.eye(len(directions)), abs=1e-9)
    assert again["text"].log_likelihood(rows) == pytest.approx(fitted.log_likelihood(rows), rel=5e-3)
    with pytest.raises(EncoderMismatch):
        load_prior("elsewhere", path)
    write_tensors(path, {"a": np.ones(2)}, {"kind": "whitening", "encoder": "here", "modalities": {"text": {}}})
    with pytest.raises(ModelError, match="no whitening"):
        load_prior("here", path)


def test_what_ships_is_small() -> None:
    assert PRIOR.stat().st_size + ADAPTER.stat().st_size < 1_500_000
