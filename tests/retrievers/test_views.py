"""From captioned pictures to features: parts that are done are kept, and views depend on nothing but item and seed."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from foveate import models
from foveate.retrievers.training.captioned import Captioned
from foveate.retrievers.training.views import changed, features
from tests.contracts.encoder import picture


def item(number: int) -> Captioned:
    held = io.BytesIO()
    picture(number).save(held, "PNG")
    return Captioned(source="test", captions=("thing",), style="", suffix=".png", data=held.getvalue())


def test_a_run_cut_short_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = models.get("mini")
    broken = Captioned(source="test", captions=("none",), style="", suffix=".png", data=b"no picture")
    items = [item(0), broken, item(1)]
    first = list(features(folder, items, 2, tmp_path))
    assert [key[:2] for key in first] == [(0, 0), (0, 1), (2, 0), (2, 1)]
    assert not np.allclose(first[0][2], first[1][2])
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns
    again = list(features(folder, items, 2, tmp_path))
    assert file.stat().st_mtime_ns == before
    np.testing.assert_array_equal([row for *_, row in first], [row for *_, row in again])


def test_a_changed_view_is_the_same_for_the_same_seed() -> None:
    image = Image.new("RGBA", (64, 48), (200, 30, 30, 255))
    one, two = (changed(image, np.random.default_rng((0, 7))) for _ in range(2))
    np.testing.assert_array_equal(np.asarray(one), np.asarray(two))
