import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate.chunking.tiles import tile_boxes, tile_pixels
from foveate.errors import CallerError


@given(st.integers(1, 30_000), st.integers(1, 30_000), st.integers(1, 5000), st.floats(0, 0.9))
def test_tiles_cover_the_picture_on_whole_pixels(width: int, height: int, over: int, overlap: float) -> None:
    boxes = tile_boxes(width, height, over=over, overlap=overlap)
    pixels = tile_pixels(width, height, over=over, overlap=overlap)
    if max(width, height) <= over:
        assert boxes == []
        return
    for box, exact in zip(boxes, pixels, strict=True):
        assert exact == (round(box.x0 * width), round(box.y0 * height), round(box.x1 * width), round(box.y1 * height))
    assert len(set(pixels)) == len(pixels) <= 16
    assert _covers({(x0, x1) for x0, _, x1, _ in pixels}, width)
    assert _covers({(y0, y1) for _, y0, _, y1 in pixels}, height)


def _covers(spans: set[tuple[int, int]], length: int) -> bool:
    end = 0
    for start, stop in sorted(spans):
        if start > end:
            return False
        end = max(end, stop)
    return end == length


def test_neighbours_repeat_the_share_asked_for() -> None:
    first, second = tile_pixels(2000, 100, over=1200, overlap=0.2)
    size = first[2] - first[0]
    assert (first[2] - second[0]) / size == pytest.approx(0.2, abs=0.01)


def test_a_photo_of_12_megapixels_has_12_tiles() -> None:
    assert len(tile_boxes(4000, 3000, over=1200, overlap=0.2)) == 12


@pytest.mark.parametrize(("over", "overlap"), [(0, 0.2), (100, 1.0), (100, -0.1)])
def test_senseless_grids_are_refused(over: int, overlap: float) -> None:
    with pytest.raises(CallerError, match="tile size"):
        tile_pixels(200, 200, over=over, overlap=overlap)
