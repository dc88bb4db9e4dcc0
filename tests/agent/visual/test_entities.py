"""Pictures to names on a small real collection; what is unknown stays unnamed."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from foveate.agent.visual.entities import Entity, identify
from foveate.errors import MediaError
from foveate.memory.filters import parse
from foveate.memory.store import Store
from foveate.records import Chunk
from foveate.retrievers.search import Searcher
from tests.agent.visual.gallery import COLOURS, FLAGS, TEXTS, filled, picture, shown, tools_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = filled(tmp_path / "store", FLAGS, TEXTS)
    yield made
    made.close()


def seen(store: Store, *pictures: Image.Image) -> list[Entity]:
    return asyncio.run(identify(pictures, tools_of(store, *pictures)))


def known(entities: list[Entity]) -> list[Entity]:
    """Those that a picture of the collection vouches for."""
    return [one for one in entities if one.chunk_ids]


def test_names_what_a_captioned_picture_shows(store: Store) -> None:
    best = seen(store, picture("blue"))[0]
    assert (best.name, best.subject.head, best.caption) == ("Azuria", "flag", "Flag of Azuria")
    assert best.chunk_ids == (shown("blue", "Flag of Azuria").id,)
    assert best.probability > 0.9 and best.region.whole


def test_probabilities_of_one_picture_sum_to_at_most_one(store: Store) -> None:
    half = Image.new("RGB", (64, 64), COLOURS["blue"])
    half.paste(COLOURS["red"], (0, 0, 64, 32))
    entities = seen(store, half)
    assert sum(one.probability for one in entities) <= 1.0 + 1e-6
    assert all(0.0 <= one.probability <= 1.0 for one in entities)


def test_nothing_captioned_names_nothing(tmp_path: Path) -> None:
    store = filled(tmp_path / "store", dict.fromkeys(COLOURS), TEXTS)  # pictures, but none with a caption
    assert known(seen(store, picture("blue"))) == []
    store.close()


def test_an_empty_collection_names_nothing(tmp_path: Path) -> None:
    store = filled(tmp_path / "store", {}, {})
    assert known(seen(store, picture("blue"))) == []
    store.close()


def test_an_unknown_picture_is_not_taken_for_its_nearest_neighbour(store: Store) -> None:
    assert max((one.probability for one in known(seen(store, picture("brown")))), default=0.0) < 0.5


def test_what_no_neighbour_explains_keeps_the_encoders_words(store: Store) -> None:
    assert seen(store, picture("brown"))[0].name == "brown"
    assert seen(store, picture("brown"))[0].chunk_ids == ()


def test_a_part_is_found_where_the_whole_is_ambiguous(store: Store) -> None:
    scene = Image.new("RGB", (256, 256), COLOURS["grey"])
    scene.paste(picture("green", (120, 120)), (128, 0))
    best = known(seen(store, scene))[0]
    assert best.name == "Viridia" and best.probability > 0.5
    assert (best.region.x0, best.region.y0) == (0.5, 0.0)
    assert best.region.x1 < 1.0 and best.region.y1 <= 0.5  # the box that stands out is tighter than the quarter


def test_each_picture_keeps_its_place(store: Store) -> None:
    best = {one.picture: one.name for one in reversed(seen(store, picture("red"), picture("blue")))}
    assert best == {0: "Rubria", 1: "Azuria"}


def test_filters_bound_what_may_name(store: Store) -> None:
    tools = replace(tools_of(store), where=parse("path:red.png"))
    assert [one.name for one in known(asyncio.run(identify([picture("blue")], tools)))] == []


def test_a_closer_look_tells_apart_what_vectors_cannot(tmp_path: Path) -> None:
    """Two flags of the same colours, one upside down: one vector, two layouts."""
    up, down = Image.new("RGB", (64, 64), COLOURS["red"]), Image.new("RGB", (64, 64), COLOURS["blue"])
    up.paste(COLOURS["blue"], (0, 32, 64, 64))
    down.paste(COLOURS["red"], (0, 32, 64, 64))
    store = filled(tmp_path / "store", FLAGS, {})
    store.upsert([shown_as("Flag of Uppe", up), shown_as("Flag of Downe", down)])
    drawn = {"Flag of Uppe": up, "Flag of Downe": down}

    def look(chunk: Chunk) -> Image.Image:
        if chunk.text not in drawn:
            raise MediaError("gone")
        return drawn[chunk.text]

    tools = replace(tools_of(store), look=look)
    for caption, flag in drawn.items():
        best = asyncio.run(identify([flag], tools))[0]
        assert best.caption == caption and best.probability > 0.9
        blind = asyncio.run(identify([flag], replace(tools, look=None)))[0]
        assert blind.probability < 0.6
    store.close()


def shown_as(caption: str, image: Image.Image):  # type: ignore[no-untyped-def]
    from tests.agent.visual.gallery import ENCODER

    return replace(shown("red", caption), dense={"image": ENCODER.encode_images([image])[0]})


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (31, 31)])
def test_tiny_pictures(store: Store, size: tuple[int, int]) -> None:
    assert seen(store, picture("red", size))[0].name == "Rubria"


def test_animated_and_transparent_pictures(store: Store) -> None:
    buffer = BytesIO()
    picture("red").save(buffer, "GIF", save_all=True, append_images=[picture("blue")])
    moving = Image.open(BytesIO(buffer.getvalue()))
    moving.seek(1)
    assert seen(store, moving)[0].name == "Rubria"  # the first frame
    clear = Image.new("RGBA", (64, 64), (*COLOURS["blue"], 0))
    assert known(seen(store, clear)) == []  # blue that nobody can see
    assert seen(store, clear.convert("RGB"))[0].name == "Azuria"


def test_searchers_of_other_makes_do(store: Store) -> None:
    class Other:
        def search(self, query):  # type: ignore[no-untyped-def]
            return Searcher(store, tools_of(store).encoder).search(query)

    tools = replace(tools_of(store), searcher=Other())
    assert asyncio.run(identify([picture("red")], tools))[0].name == "Rubria"
