from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from foveate.errors import CallerError
from foveate.evals.probes.captioned import Captioned
from foveate.evals.probes.multi_object import classified, matching, measure, probe, retrieved
from foveate.evals.probes.scenes import Scene, cutout, listed, make_scenes, paint
from tests.evals.probes.toys import NAMES, Palette, block


def items(folder: Path, names: tuple[str, ...] = NAMES) -> list[Captioned]:
    found = []
    for name in names:
        block(name).save(folder / f"{name}.png")
        found.append(Captioned(id=name, path=folder / f"{name}.png", caption=f"A {name}.", name=name))
    return found


@settings(max_examples=30)
@given(st.integers(5, 12), st.integers(1, 12), st.integers(0, 99))
def test_scenes_hold_what_they_say(objects: int, count: int, seed: int) -> None:
    scenes = make_scenes(objects, count, seed=seed)
    assert scenes == make_scenes(objects, count, seed=seed)
    assert [len(scene.objects) for scene in scenes] == [(2, 3, 4)[i % 3] for i in range(count)]
    for scene in scenes:
        assert len(set(scene.objects)) == len(scene.objects) == len(set(scene.places)) == len(scene.places)
        assert scene.absent not in scene.objects
        assert all(0 <= i < objects for i in (*scene.objects, scene.absent))


def test_impossible_scenes_are_refused() -> None:
    with pytest.raises(CallerError, match="need at least 5"):
        make_scenes(4, 3)
    with pytest.raises(CallerError, match="5 objects a scene"):
        make_scenes(9, 3, sizes=(5,))


def test_the_first_object_is_painted_three_times_as_long() -> None:
    scene = Scene(objects=(0, 1), places=(3, 0), absent=2)
    pixels = np.asarray(paint(scene, [block("red"), block("blue")], side_px=200))
    red, blue = ((pixels == colour).all(axis=2) for colour in ((255, 0, 0), (0, 0, 255)))
    assert red.sum() == 90 * 90 and blue.sum() == 30 * 30
    assert red[100:, 100:].sum() == red.sum() and blue[:100, :100].sum() == blue.sum()
    assert ((pixels == 255).all(axis=2)).sum() == 200 * 200 - 90 * 90 - 30 * 30


def test_cutouts_lose_their_clear_border() -> None:
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    image.paste((1, 2, 3, 255), (2, 3, 6, 9))
    assert cutout(image).size == (4, 6)
    assert cutout(Image.new("RGBA", (5, 5), (0, 0, 0, 0))).size == (5, 5)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["cup"], "a cup"),
        (["cup", "apple"], "a cup and an apple"),
        (["apple", "the sun", "harp"], "an apple, the sun and a harp"),
    ],
)
def test_lists_read_as_english(names: list[str], text: str) -> None:
    assert listed(names) == text


def test_retrieved_by_hand() -> None:
    singles = np.eye(3, dtype=np.float32)
    rows = np.array([[0.9, 0.1, 0], [0, 0.2, 0.8], [0, 1, 0]], np.float32)
    found = retrieved(rows, singles, [(0, 1), (0, 1, 2), (0, 2)])
    nan = np.nan
    # The third row's nearest is no member: nobody gets the point.
    np.testing.assert_array_equal(found, [[1, 0, nan, nan], [0, 0, 1, nan], [0, 0, nan, nan]])


def test_classified_reads_what_is_linear() -> None:
    rng = np.random.default_rng(0)
    members = [tuple(map(int, rng.permutation(4)[:2])) for _ in range(80)]
    rows = np.array([[*np.eye(4)[a], *0.3 * np.eye(4)[b]] for a, b in members], np.float32)
    found = classified(rows, members, 4)
    assert np.nanmean(found[:, 0]) == 1.0 and np.nanmean(found[:, 1]) == 1.0
    assert np.isnan(found[:, 2:]).all()
    noise = classified(rng.normal(size=(80, 4)).astype(np.float32), members, 4)
    assert np.nanmean(noise[:, 0]) < 0.5


def test_matching_knows_when_order_fools_an_encoder() -> None:
    scenes = make_scenes(5, 60, seed=3)
    cutouts = [block(name) for name in NAMES]
    fair, fooled = Palette(), Palette(decay=0.3)
    pictures = [paint(scene, cutouts) for scene in scenes]
    even = matching(fair, NAMES, scenes, fair.encode_images(pictures))
    assert even.mean(axis=0).tolist() == [1.0, 1.0, 1.0]
    first, _, swapped = matching(fooled, NAMES, scenes, fooled.encode_images(pictures)).mean(axis=0)
    assert first == 1.0 and swapped < 0.2  # the first word counts, and the wrong caption has the large object there


def test_biases_are_found_where_they_are_and_nowhere_else() -> None:
    scenes = make_scenes(5, 40, seed=1)
    cutouts = [block(name) for name in NAMES]
    biased = measure(Palette(decay=0.5, power=2.0), NAMES, cutouts, scenes, seed=0)
    assert np.nanmean(biased.image[:, 0]) == 1.0 and np.nanmean(biased.text[:, 0]) == 1.0
    even = measure(Palette(decay=1.0, power=0.0001), NAMES, cutouts, scenes, seed=0)
    assert np.nanmean(even.text[:, 0]) < 0.9


def test_report(tmp_path: Path) -> None:
    more = [*items(tmp_path), Captioned(id="x", path=tmp_path / "red.png", caption="A red thing on a table")]
    report = probe(Palette(decay=0.5), more, scenes=30, seed=4)
    assert report.facts["objects"] == 5 and report.facts["items_without_a_name_of_their_own"] == 1
    assert report.facts["order_bias"] == 1.0 and report.facts["size_bias"] == 1.0
    assert report.facts["matching_drop_when_order_changes"] > 0.3
    assert report.to_dict() == probe(Palette(decay=0.5), more, scenes=30, seed=4).to_dict()
    assert report.tables[0].rows[0][-1] == 30
    with pytest.raises(CallerError, match="3 named objects"):
        probe(Palette(), items(tmp_path, NAMES[:3]))
