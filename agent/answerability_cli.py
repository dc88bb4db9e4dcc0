"""``foveate train answerability``: a head that tells whether a picture goes with a question and its options."""

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foveate.console import Console

if TYPE_CHECKING:
    from foveate.retrievers.alignment.card import TrainingCard

__all__ = ["EPILOG", "answerability"]

EPILOG = (
    "Examples:\n\n- `foveate train answerability --data items.jsonl --out heads/mine`\n\n"
    "- `foveate train answerability --data items.jsonl --encoder open_clip:ViT-B-32/weights/vit.safetensors "
    "--out heads/vit --minutes 5`"
)
"""For ``app.command(epilog=EPILOG)(answerability)``."""


def answerability(
    data: Annotated[
        Path, typer.Option("--data", help="JSONL: question, options, choice, picture ...; see docs/answerability.md.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the head, its card and its predictions.")],
    encoder: Annotated[str | None, typer.Option("--encoder", help="`mini` or `open_clip:MODEL/PRETRAINED`.")] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0.01, help="End fitting after so many.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Train a head that tells from a picture, a question and its options whether there is a right answer.

    Rows of the test split are never read. `out-of-fold.jsonl` holds, for each training row, what a head says that
    never saw a row of its group.
    """
    from foveate.agent.train_cli import bar
    from foveate.retrievers.alignment.training import train_answerability
    from foveate.retrievers.encoders.presets import load_encoder
    from foveate.settings import Settings

    console = Console(json=json)
    settings = Settings.load(encoder=encoder)
    with bar(console, "training") as tell:
        card = train_answerability(load_encoder(settings.encoder), data, out, minutes=minutes, tell=tell)
    _show(console, out, card)


def _show(console: Console, out: Path, card: "TrainingCard") -> None:
    if console.json:
        sys.stdout.write(jsonlib.dumps({"head": str(out), **card.to_dict()}, indent=2) + "\n")
        return
    console.lines(
        [
            f"{card.rows} rows before {card.pictures} pictures, {card.groups} groups; {card.epochs} epochs, "
            f"{card.seconds:.0f} s. AUROC out of fold:",
            *(
                f"  {name:18}" + "  ".join(f"{form} {_number(value)}" for form, value in found.items())
                for name, found in card.figures.items()
            ),
        ]
    )
    console.note(f"head: {out}")


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
