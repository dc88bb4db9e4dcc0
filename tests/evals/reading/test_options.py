"""Options of readers."""

import pytest

from foveate.errors import CallerError
from foveate.evals.reading.options import one_of, yes


def test_an_option_is_one_of_its_choices() -> None:
    assert one_of("split", "dev", ("train", "dev")) == "dev"
    with pytest.raises(CallerError, match="option split='tset' is unknown; choices: dev, train"):
        one_of("split", "tset", ("train", "dev"))


@pytest.mark.parametrize(("value", "said"), [("yes", True), ("no", False)])
def test_yes_and_no(value: str, said: bool) -> None:
    assert yes("pool", value) is said


@pytest.mark.parametrize("value", ["", "Yes", "true", "1", True])
def test_nothing_else_is_yes_or_no(value: str) -> None:
    with pytest.raises(CallerError, match=f"option pool={value!r} is unknown; choices: no, yes"):
        yes("pool", value)
