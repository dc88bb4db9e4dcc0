"""Forms of the stamps' questions."""

from collections import defaultdict
from pathlib import Path

import pytest

from foveate.evals.unanswerable.items import NONE, Item, offered
from foveate.evals.unanswerable.names import foreign, named
from foveate.evals.unanswerable.stamps import sides, stamp_items
from tests.evals.unanswerable.made import STAMPS, kinship, made_stamps

CATEGORY = {"animals": "animal", "food": "food", "vehicles": "vehicle", "household": "object", "space": "space"}
KIND = {name: CATEGORY[place] for place, names in STAMPS.items() for name in names.split()}


@pytest.fixture(scope="module")
def found(items: list[Item]) -> list[Item]:
    return [item for item in items if item.source == "stamps"]


def shown(item: Item) -> str:
    return Path(item.picture or "").stem


def test_each_base_has_its_four_forms(found: list[Item]) -> None:
    pairs = defaultdict(list)
    for item in found:
        pairs[item.pair].append(item)
    assert len(pairs) > 40
    for members in pairs.values():
        assert [item.form for item in members] == ["standard", "aad", "iasd", "ivqd"]
        assert len({(item.split, item.group, item.question, item.setting) for item in members}) == 1
        standard, aad, iasd, ivqd = members
        assert shown(standard) == shown(aad) == shown(iasd) != shown(ivqd)
        assert ivqd.options == standard.options


def test_what_is_right_is_right_and_what_is_not_is_not(found: list[Item]) -> None:
    for item in found:
        label = shown(item)
        if item.form == "standard":
            assert item.options[item.choice or 0] == label and item.answers == (label,)
        else:
            assert label not in item.options and item.answers == ()
        offered_kinds = {KIND[option] for option in item.options if option != NONE}
        if item.form in ("standard", "aad"):
            assert offered_kinds == {KIND[label]}
        else:
            assert all(foreign(KIND[label], kind) for kind in offered_kinds)


def test_the_number_of_options_tells_nothing(found: list[Item]) -> None:
    for setting, count in (("base", 3), ("option", 4)):
        assert {len(item.options) for item in found if item.setting == setting} == {count}
        assert all(len(set(item.options)) == count for item in found if item.setting == setting)


def test_none_of_the_above(found: list[Item]) -> None:
    plain = {item.id: item for item in found if item.setting == "base"}
    again = [item for item in found if item.setting == "option"]
    assert again
    for item in again:
        twin = plain[item.id.removesuffix("/option")]
        assert item.options == (*twin.options, NONE)
        assert item.choice == (twin.choice if twin.form == "standard" else len(twin.options))
        assert item.reason == twin.reason


def test_concepts_options_and_pictures_stay_on_their_side(found: list[Item]) -> None:
    seen = defaultdict(set)
    for item in found:
        for thing in (item.group, item.picture, *item.options):
            seen[thing].add(item.split)
    assert {thing for thing, splits in seen.items() if len(splits) > 1} == {NONE}


def test_halves_are_even(tmp_path: Path) -> None:
    there = named(made_stamps(tmp_path))
    side = sides(there)
    for category in CATEGORY.values():
        counts = [sum(side[one.concept] == split for one in there if one.category == category) for split in
                  ("train", "test")]  # fmt: skip
        assert abs(counts[0] - counts[1]) <= 2


def test_the_order_of_the_stamps_changes_nothing(tmp_path: Path, found: list[Item]) -> None:
    backwards = named(made_stamps(tmp_path)[::-1])
    again = stamp_items(backwards, kinship())
    assert [item.id for item in again] == [item.id for item in found]
    assert [item.options for item in again] == [item.options for item in found]


def test_options_by_hand() -> None:
    options, choice = offered("owl", ("cat", "dog", "emu"), "key", "standard")
    assert len(options) == 3 and options[choice or 0] == "owl" and set(options) == {"owl", "cat", "dog"}
    options, choice = offered("owl", ("cat", "dog", "emu"), "key", "aad")
    assert set(options) == {"cat", "dog", "emu"} and choice is None
