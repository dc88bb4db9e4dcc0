"""What is said of a choice: the option in the asker's own form."""

from foveate.agent.choosing.options import Asked
from foveate.errors import CallerError

__all__ = ["reply"]


def reply(asked: Asked, choice: int | None) -> tuple[str, str, int | None]:
    """(text, short answer, place of the choice).

    Args:
        asked: the question.
        choice: place of the chosen option; None for an abstention, for which an option stands that says that none is
            right. Without one nothing is said: ``("", "", None)``.

    Raises:
        CallerError: there is no such option.
    """
    if choice is None:
        choice = next((i for i, option in enumerate(asked.options) if option.none), None)
        if choice is None:
            return "", "", None
    if not 0 <= choice < len(asked.options):
        raise CallerError(f"no option {choice!r}; there are 0 to {len(asked.options) - 1}")
    option = asked.options[choice]
    label = asked.form.replace("{}", option.label)
    return f"{label} {option.text}".strip(), option.text, choice
