"""The evidence sheet: one HTML file in which a person looks at answers and at what they rest on."""

import base64
from collections.abc import Callable, Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, select_autoescape
from PIL.Image import Image

from foveate.errors import FoveateError
from foveate.locators import CharSpan, describe
from foveate.records import Answer, Citation

__all__ = ["write_sheet"]

_THUMB_PX = 360


def write_sheet(path: Path, answers: Sequence[tuple[str, Answer]], look: Callable[[Citation], Image]) -> None:
    """Write the sheet; it needs no other file and no network.

    Args:
        path: of the HTML file.
        answers: (question, answer), in order.
        look: renders what a citation points at.
    """
    # Evidence is data: everything is escaped, and the template is the package's own.
    environment = Environment(autoescape=select_autoescape(default=True))
    template = environment.from_string((files("foveate.agent") / "templates" / "sheet.html").read_text("utf-8"))
    cards = [_card(question, answer, look) for question, answer in answers]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template.render(cards=cards), encoding="utf-8")


def _card(question: str, answer: Answer, look: Callable[[Citation], Image]) -> dict[str, Any]:
    stages = [{"name": event["stage"], "seconds": event["seconds"]} for event in answer.trace]
    places: dict[str, Citation] = {}
    for citation in answer.citations:
        places.setdefault(f"{citation.chunk_id}{describe(citation.locator)}", citation)
    return {
        "question": question,
        "text": answer.text,
        "verdict": answer.verdict,
        "reason": answer.reason,
        "confidence": f"{answer.confidence:.0%}",
        "stages": stages,
        "seconds": f"{sum(answer.usage.seconds.values()):.1f}",
        "tokens": answer.usage.tokens_in + answer.usage.tokens_out,
        "citations": [_place(citation, look) for citation in places.values()],
    }


def _place(citation: Citation, look: Callable[[Citation], Image]) -> dict[str, str | None]:
    return {
        "source": Path(citation.source).name,
        "folder": Path(citation.source).parent.name,
        "where": describe(citation.locator),
        "quote": citation.quote,
        "picture": None if isinstance(citation.locator, CharSpan) else _thumbnail(citation, look),
    }


def _thumbnail(citation: Citation, look: Callable[[Citation], Image]) -> str | None:
    try:
        image = look(citation).convert("RGB")
    except (FoveateError, OSError):
        return None  # the file went away; the words of the citation still stand
    image.thumbnail((_THUMB_PX, _THUMB_PX))
    buffer = BytesIO()
    image.save(buffer, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
