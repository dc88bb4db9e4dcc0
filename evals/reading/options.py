"""Whether the value of a reader's option is one it knows."""

from collections.abc import Sequence

from foveate.errors import CallerError

__all__ = ["one_of", "yes"]


def one_of(option: str, value: str, choices: Sequence[str]) -> str:
    """The value of a reader's option.

    Raises:
        CallerError: it is none of the choices, which the message names.
    """
    if value not in choices:
        raise CallerError(f"option {option}={value!r} is unknown; choices: {', '.join(sorted(choices))}")
    return value


def yes(option: str, value: str) -> bool:
    """Whether an option that is ``yes`` or ``no`` is ``yes``.

    Raises:
        CallerError: it is neither.
    """
    return one_of(option, value, ("no", "yes")) == "yes"
