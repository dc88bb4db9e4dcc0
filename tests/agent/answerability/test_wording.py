"""What abstentions say."""

from typing import get_args

import pytest

from foveate.agent.answerability.wording import abstention
from foveate.records import Reason


@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_has_words(reason: Reason) -> None:
    text = abstention(reason, searched=["red kite"], filters="kind:image", closest="a.png", options=["x", "y"])
    assert "Looked for 'red kite' (filters: kind:image), among 2 options; closest is a.png." in text


def test_a_premise_is_named() -> None:
    text = abstention("false_premise", searched=[], unsupported="Madrid, Norway")
    assert text.startswith("I cannot tell: the question takes something for granted that nothing here supports (Madrid")


def test_nothing_was_looked_for() -> None:
    assert "Looked" not in abstention("no_evidence", searched=[], closest="a.png")
