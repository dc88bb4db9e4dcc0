"""``foveate verify``: does the collection carry a claim? Heavy modules are imported inside the command."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foveate.console import Console, short
from foveate.errors import CallerError

if TYPE_CHECKING:
    from foveate.agent.entailment import Support, Verification
    from foveate.agent.sdk import Agent

__all__ = ["EPILOG", "verify"]

EPILOG = (
    "Examples:\n\n- `foveate verify 'The harbour museum opens at ten.' -c home`\n\n"
    "- `foveate verify 'The kite over the sea is red.' -f kind:image --json`"
)
"""For ``app.command(epilog=EPILOG)(verify)``."""
_QUOTED = 200


def verify(
    claim: Annotated[str, typer.Argument(help="A sentence that can be true.")],
    image: Annotated[list[Path] | None, typer.Option("--image", "-i", help="A picture of the claim.")] = None,
    filters: Annotated[str, typer.Option("--filter", "-f", help="Such as `kind:image path:holiday/`.")] = "",
    collection: Annotated[str, typer.Option("--collection", "-c", help="Which collection.")] = "home",
    reasoner: Annotated[str | None, typer.Option("--reasoner", help="Who reads: `mini`, `generator` ...")] = None,
    home: Annotated[Path | None, typer.Option("--home", help="Folder that holds the collections.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Hold a statement against the collection: entailed, contradicted, neutral or conflicting, with the places."""
    console = Console(json=json)
    with _agent(collection, home, reasoner) as agent:
        found = agent.verify(claim, images=list(image or []), filters=filters)
    if json:
        console.table(found.to_dict())
    else:
        console.lines(_lines(found))


def _lines(found: "Verification") -> Iterable[str]:
    yield found.claim
    yield f"{found.label}  probability {found.probability:.2f}  ({found.read} pieces of evidence read)"
    if not found.complete:
        yield "time ran out before all evidence was read"
    for number, one in enumerate(found.support, 1):
        yield from _place(number, one)


def _place(number: int, one: "Support") -> Iterable[str]:
    where = f"{short(one.citation.source)}, {one.citation.to_dict()['where']}"
    yield f"  [{number}] {one.entailment.label}  relevance {one.relevance:.2f}  {where}"
    if one.citation.quote:
        yield f"      “{' '.join(one.citation.quote.split())[:_QUOTED]}”"


def _agent(name: str, home: Path | None, reasoner: str | None) -> "Agent":
    from foveate.memory.collection import list_collections, read_encoder
    from foveate.settings import Settings

    settings = Settings.load(home=home, reasoner=reasoner)
    made_with = read_encoder(settings.home, name)
    if made_with is None:
        known = ", ".join(list_collections(settings.home)) or "none"
        raise CallerError(f"no collection {name!r} (there: {known}); make it with: foveate index PATHS -c {name}")

    from foveate.agent.sdk import Agent

    return Agent.open(name, create=False, settings=settings.model_copy(update={"encoder": made_with.name}))
