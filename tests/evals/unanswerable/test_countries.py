"""Questions to the knowledge base: what is false is false, and what is missing is missing."""

import re
from collections import Counter, defaultdict

from foveate.evals.unanswerable.base import Base
from foveate.evals.unanswerable.build import parts
from foveate.evals.unanswerable.evidence import UNTOLD, kept_documents, missing_countries
from foveate.evals.unanswerable.items import HALVES, Item
from foveate.evals.unanswerable.premises import TEMPLATES


def of_form(items: list[Item], *forms: str) -> list[Item]:
    return [item for item in items if item.source == "kb" and item.form in forms]


def test_each_country_is_asked_on_its_side(items: list[Item], base: Base) -> None:
    half = {country.name: country.half for country in base.world.countries}
    assert all(half[item.group] == HALVES[item.split] for item in of_form(items, *Counter(i.form for i in items)))


def test_choices_against_the_facts(items: list[Item], base: Base) -> None:
    right = {one.id: one.answers for one in base.questions}
    kinds = Counter()
    for item in of_form(items, "standard", "aad", "iasd", "ivqd"):
        answers = right[item.pair.removeprefix("kb/")]
        if item.form == "standard":
            assert item.options[item.choice or 0] == answers[0]
            assert sum(option in answers for option in item.options) == 1
        elif item.form != "ivqd":
            assert not set(item.options) & set(answers) and item.choice is None
        assert len(item.options) == len(set(item.options)) == 3
        kinds[item.form, item.picture is None] += 1
    assert kinds["standard", True] == kinds["aad", True] == kinds["iasd", True] > 20
    assert kinds["standard", False] == kinds["ivqd", False] > 20


def test_a_foreign_picture_is_a_stamp_of_the_same_split(items: list[Item]) -> None:
    splits = defaultdict(set)
    for item in items:
        if item.picture and item.form == "ivqd" and item.source == "kb":
            assert "/stamps/animals/" in item.picture or "/stamps/food/" in item.picture
            splits[item.picture].add(item.split)
        elif item.picture and item.source == "stamps":
            splits[item.picture].add(item.split)
    assert all(len(found) == 1 for found in splits.values())


def test_false_premises_are_false_and_true_ones_true(items: list[Item], base: Base) -> None:
    """Each twin's words are looked for among what the world says of the country it names."""
    twins = defaultdict(dict)
    for item in of_form(items, "true_premise", "false_premise"):
        twins[item.pair][item.form] = item
    assert len(twins) >= 100
    ways = Counter(pair.split("/")[2] for pair in twins)
    assert len(ways) == 9 and max(ways.values()) - min(ways.values()) <= 1 + min(ways.values()) // 2
    for pair, both in twins.items():
        true, false = both["true_premise"], both["false_premise"]
        way = pair.split("/")[2]
        if way in TEMPLATES:
            country = base.world.country(true.group)
            value = TEMPLATES[way].premise(country)
            assert value and value in true.question and value not in false.question
            assert country.name in true.question and country.name in false.question
            assert TEMPLATES[way].answer(country) == true.answers[0]
        else:
            assert true.group in true.question and true.group not in false.question
        assert false.answers == () and true.answers


def test_what_is_taken_for_granted_is_another_countrys_of_the_same_half(items: list[Item], base: Base) -> None:
    for item in of_form(items, "false_premise"):
        if "/false_premise/capital/" in item.id:
            said = re.search(r"whose capital is (\w+)\?", item.question)
            assert said
            owner = next(country for country in base.world.countries if country.capital == said[1])
            own = base.world.country(item.group)
            assert owner.half == own.half and owner.region != own.region


def test_the_collection_without_some_countries(items: list[Item], base: Base) -> None:
    rows = [item.row() for item in items]
    files = parts(rows, base.folder)
    gone = {item.group for item in of_form(items, "no_evidence") if item.collection == "part"}
    assert gone and all(path.is_file() for path in files)
    assert gone <= missing_countries(base.world.countries)
    assert Counter(base.world.country(name).half for name in missing_countries(base.world.countries)) == {
        "train": 4,
        "held_out": 4,
    }
    kept = {path.relative_to(base.folder).as_posix() for path in files}
    for name in gone:
        stem = name.removesuffix("land").lower()
        assert not kept & {f"docs/countries/{name.lower()}-state.md", f"docs/cities/{stem}port.md"}
        assert f"pictures/flag-{name.lower()}.png" not in kept
    texts = [path.read_text(encoding="utf-8") for path in files if path.suffix == ".md"]
    assert not [text for text in texts for name in gone if re.search(rf"\b{name}\b", text) and "border" not in text]


def test_evidence_of_what_can_be_answered_is_there(items: list[Item], base: Base) -> None:
    asked = {one.id: one for one in base.questions}
    rows = [item.row() for item in items]
    kept = {path.relative_to(base.folder).as_posix() for path in parts(rows, base.folder)}
    found = [item for item in items if item.collection == "part"]
    assert {item.form for item in found} == {"open", "no_evidence"}
    for item in found:
        one = asked[item.id.split("/part/")[1]]
        there = {f"docs/{document}.md" for document in one.documents} & kept
        assert (len(there) == len(one.documents)) if item.form == "open" else not there


def test_nothing_is_left_out_without_countries(base: Base) -> None:
    whole = kept_documents(base.folder, frozenset())
    assert len(whole) == len(set(whole)) == 48 * 4 + 2 * 48 + 48


def test_a_country_inside_anothers_name_stays(base: Base) -> None:
    """Belavaland is gone, Newbelavaland is not."""
    kept = kept_documents(base.folder, {"Belavaland"})
    assert "cities/newbelavaport" in kept and "cities/belavaport" not in kept
    assert "countries/newbelavaland-state" in kept and "countries/belavaland-state" not in kept
    assert "pictures/flag-newbelavaland" in kept and "pictures/flag-belavaland" not in kept


def test_what_no_document_says(items: list[Item]) -> None:
    untold = [item for item in of_form(items, "no_evidence") if item.collection == "kb"]
    assert {item.question.replace(item.group, "{the}") for item in untold} == set(UNTOLD)


def test_nothing_at_all(items: list[Item]) -> None:
    empty = of_form(items, "empty")
    assert len(empty) == 80 and {(item.collection, item.reason, item.answers) for item in empty} == {
        ("empty", "no_evidence", ())
    }
