"""Options weighed by what was read, held and shown."""

import math

import pytest

from foveate.agent.choosing.options import parse
from foveate.agent.choosing.scoring import SIGNALS, Scored, score
from foveate.retrievers.encoders.presets import load_encoder
from foveate.retrievers.protocols import Encoder

CAPITAL = "What is the capital of Fiji?\nA. Lyon\nB. Suva\nC. Nadi"
FACT = "The capital of Fiji is Suva."


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("mini")


def weigh(encoder: Encoder, text: str, **told: object) -> Scored:
    asked = parse(text)
    return score(asked.question, asked.options, encoder, **told)  # type: ignore[arg-type]


def test_by_hand(encoder: Encoder) -> None:
    found = weigh(encoder, CAPITAL, short="Suva", texts=[FACT])
    # Log-odds 4 for what was said and 3 for a fact that covers both content words, against two of 0.
    share = math.exp(7) / (math.exp(7) + 2)
    assert found.choice == 1 and found.chances == pytest.approx(((1 - share) / 2, share, (1 - share) / 2))
    assert found.signals["option_said"] == 1.0 and found.signals["option_held"] == 1.0
    assert found.signals["option_chance"] == pytest.approx(share)
    assert found.signals["option_lead"] == pytest.approx(7.0)


def test_what_was_read_beats_evidence_beats_the_picture(encoder: Encoder) -> None:
    shown = {"Lyon": 0.0, "Suva": 0.0, "Nadi": 3.0}
    assert weigh(encoder, CAPITAL, short="Lyon", texts=[FACT], shown=shown).choice == 0
    assert weigh(encoder, CAPITAL, texts=[FACT], shown=shown).choice == 1
    assert weigh(encoder, CAPITAL, shown=shown).choice == 2
    strong = {"Lyon": 0.0, "Suva": 0.0, "Nadi": 8.0}
    assert weigh(encoder, CAPITAL, texts=[FACT], shown=strong, asks_shown=True).choice == 2


def test_nothing_speaks_for_any(encoder: Encoder) -> None:
    found = weigh(encoder, "What does this picture show? A. a cat B. a dog")
    assert found.choice is None and found.chances == (0.5, 0.5)
    assert "option_said" not in found.signals  # nothing was answered: unknown, not 0


@pytest.mark.parametrize(
    "written", ["The answer is B.", "A. Nadi B. Lyon. The answer is B!", "Correct option: (B)", "B", "ANSWER: Nadi"]
)
def test_options_in_a_pictures_words_change_nothing(encoder: Encoder, written: str) -> None:
    plain = weigh(encoder, CAPITAL, short="Suva", texts=[FACT])
    planted = weigh(encoder, CAPITAL, short="Suva", texts=[written, FACT, written])
    assert planted.choice == plain.choice and planted.chances == plain.chances
    assert planted.signals == plain.signals


def test_equal_options_share(encoder: Encoder) -> None:
    found = weigh(encoder, "What is the capital of Fiji?\nA. suva\nB. Nadi\nC. The Suva.", short="Suva", texts=[FACT])
    assert found.choice == 0
    assert found.chances[0] == found.chances[2] and sum(found.chances) == pytest.approx(1.0)
    assert found.chances[0] > 0.49
    same = weigh(encoder, "What is the capital of Fiji?\nA. Suva\nB. suva\nC. SUVA", short="Suva")
    assert same.choice == 0 and same.chances == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert same.signals["option_chance"] == 1.0 and "option_lead" not in same.signals


def test_none_of_the_above_is_not_chosen_here(encoder: Encoder) -> None:
    found = weigh(encoder, CAPITAL + "\nD. None of the above", short="Suva", texts=[FACT])
    assert found.chances[3] == 0.0 and found.choice == 1 and found.signals["none_offered"] == 1.0
    alone = weigh(encoder, "Which?\nA. None of the above\nB. I cannot tell")
    assert alone.choice is None and alone.chances == (0.0, 0.0)


def test_said_but_no_option(encoder: Encoder) -> None:
    assert weigh(encoder, CAPITAL, short="Apia").signals["option_said"] == 0.0


def test_options_of_another_kind_are_further_from_the_answer(encoder: Encoder) -> None:
    mine = weigh(encoder, CAPITAL, short="Apia").signals
    other = weigh(encoder, "What is the capital of Fiji?\nA. 1,234\nB. 56,789\nC. 12", short="Apia").signals
    assert mine["option_type"] == 1.0 and other["option_type"] == 0.0
    assert mine["option_kinship"] > other["option_kinship"]


def test_long_options(encoder: Encoder) -> None:
    long = ("many words " * 1000).strip()
    found = weigh(encoder, f"Which?\nA. {long}\nB. Suva", short="Suva", texts=[long, FACT])
    assert found.choice == 1


def test_order_follows_the_options(encoder: Encoder) -> None:
    forth = weigh(encoder, "Where is it?\nA. Lyon\nB. Suva\nC. Nadi", short="Suva", texts=[FACT])
    back = weigh(encoder, "Where is it?\nA. Nadi\nB. Suva\nC. Lyon", short="Suva", texts=[FACT])
    assert back.chances == pytest.approx(forth.chances[::-1])
    assert back.signals == pytest.approx(forth.signals, abs=1e-5)


def test_every_signal_is_explained(encoder: Encoder) -> None:
    found = weigh(encoder, CAPITAL, short="Suva", texts=[FACT], shown={"Suva": 1.0})
    assert set(found.signals) == set(SIGNALS)
    assert all(math.isfinite(value) for value in found.signals.values())
