"""What a stamp shows, by its caption and place."""

from pathlib import Path

import pytest

from foveate.evals.datasets.stamps import Stamp
from foveate.evals.unanswerable.names import QUESTIONS, foreign, named


def label(key: str, caption: str) -> tuple[str, str] | None:
    found = named([Stamp(key=key, path=Path(key), caption=caption)])
    return (found[0].category, found[0].label) if found else None


@pytest.mark.parametrize(
    ("key", "caption", "wanted"),
    [
        ("animals/birds/owl.png", "An owl.", ("animal", "owl")),
        ("animals/birds/hen.png", "A brown hen.", ("animal", "brown hen")),
        ("animals/birds/peacock.png", "A peacock (a male peafowl).", ("animal", "peacock")),
        ("animals/insects/cartoon/snail.png", "A happy snail.", ("animal", "snail")),
        ("household/scissors.png", "A pair of open scissors.", ("object", "scissors")),
        ("food/fruit/grapes.png", "A bunch of grapes.", ("food", "grapes")),
        ("household/tools/wrench_plumbers.png", "A plumber\u2019s wrench.", ("object", "plumber's wrench")),
        ("seasonal/easter/bunny.png", "A floppy-eared bunny.", ("animal", "bunny")),
        ("seasonal/easter/daffodil.png", "A daffodil.", ("plant", "daffodil")),
        ("space/planets/4_mars.png", "Mars\u2014the red planet. It\u2019s just beyond earth.", ("space", "mars")),
        ("animals/birds/x.png", "A bird that sings in the morning.", None),
        ("animals/birds/cartoon/tux.png", "Tux\u2014the Linux mascot!", None),
        ("symbols/math/0.png", "Zero.", None),
        ("town/flags/redflag.png", "A red flag.", None),
        ("animals/birds/y.png", "A very happy.", None),
    ],
)
def test_label_and_category(key: str, caption: str, wanted: tuple[str, str] | None) -> None:
    assert label(key, caption) == wanted


def test_one_concept_for_what_people_confuse() -> None:
    stamps = [
        Stamp(key=f"animals/{number}.png", path=Path("x"), caption=caption)
        for number, caption in enumerate(("A brown hen.", "A rooster.", "A rabbit.", "Two wild boars.", "A pig."))
    ]
    hen, rooster, rabbit, boar, pig = named(stamps)
    assert hen.concept == rooster.concept != rabbit.concept
    assert boar.head == "boar" and boar.concept == pig.concept


def test_what_is_out_of_place() -> None:
    assert foreign("animal", "vehicle") and foreign("space", "food")
    assert not foreign("animal", "animal")
    assert not foreign("plant", "food") and not foreign("food", "plant")
    assert not foreign("object", "vehicle")
    assert foreign("food", "animal", ["brown hen", "mango"])
    assert not foreign("food", "animal", ["spiny lobster"]) and foreign("vehicle", "animal", ["spiny lobster"])
    assert all(foreign(one, other) == foreign(other, one) for one in QUESTIONS for other in QUESTIONS)
