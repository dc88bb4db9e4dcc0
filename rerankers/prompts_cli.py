"""``foveate prompts``: what the prompts of a stage are made of, and what of them is computed once."""

from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from string import ascii_letters, digits
from typing import Annotated, Any

import typer

from foveate.console import Console
from foveate.errors import ModelMissing
from foveate.rerankers.layouts import Layout, SharedBy, layout, stages
from foveate.rerankers.protocols import Message

__all__ = ["Encode", "app", "describe", "reused_tokens"]

app = typer.Typer(no_args_is_help=True, help="Prompts: their modules, in order, and what is reused.")

Encode = Callable[[Sequence[Message]], list[int]]
"""Messages -> tokens of the whole prompt."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

_READERS = {
    "stage": "every prompt of the stage",
    "evidence": "all prompts on the same evidence",
    "question": "all prompts of one question",
    "nothing": "no other prompt",
}
_STARTS = (*ascii_letters, *digits, "(", "\n", "é", "水")
"""First signs of values: a tokenizer joins some of them with the space before."""
_BLOCK_TOKENS = 128
"""A block of vLLM's prefix cache on a CPU; 16 on a GPU. Only whole blocks are reused."""


@app.command("list")
def listing(json: Json = False) -> None:
    """Stages whose prompts foveate lays out."""
    # Names alone: some layouts stand beside code that loads torch.
    Console(json=json).rows([{"stage": stage} for stage in stages()])


@app.command(epilog="Examples:\n\n- `foveate prompts show answer`\n\n- `foveate prompts show rerank --json`")
def show(
    stage: Annotated[str, typer.Argument(help="`foveate prompts list` names them.")],
    model: Annotated[str, typer.Option("--model", help="Whose tokens are counted: a fetched model, or a folder.")] = (
        "smollm2"
    ),
    json: Json = False,
) -> None:
    """Print a stage's modules in order: role, who shares them, tokens, and what is reusable."""
    console = Console(json=json)
    chosen = layout(stage)
    encode = _tokenizer(model)
    facts = describe(chosen, encode)
    if json:
        console.table({"model": model if encode else None} | facts)
        return
    console.lines(_lines(facts))
    if encode is None:
        console.note(f"no tokens counted: model {model!r} is not on this machine (foveate models get {model})")


def describe(made: Layout, encode: Encode | None) -> dict[str, Any]:
    """Modules and reusable beginnings of a layout, as JSON.

    Args:
        made: the layout.
        encode: messages -> tokens of the whole prompt; without it every ``tokens`` is None.
    """
    modules = [
        {
            "name": module.name,
            "role": module.role,
            "shared_by": module.shared_by,
            "fields": list(module.fields),
            "text": module.text,
            "tokens": None if encode is None else _own_tokens(made, at, encode),
        }
        for at, module in enumerate(made.modules)
    ]
    kinds = dict.fromkeys(module.shared_by for module in made.modules if module.shared_by != "nothing")
    reusable = [
        {
            "by": kind,
            "modules": [module.name for module in made.modules if _reach(module.shared_by) <= _reach(kind)],
            "tokens": None if encode is None else reused_tokens(made, kind, encode),
        }
        for kind in kinds
    ]
    return {"stage": made.stage, "modules": modules, "reusable": reusable}


def reused_tokens(made: Layout, kind: SharedBy, encode: Encode) -> int:
    """Tokens with which all prompts begin that share modules of this kind; each value counts as one word.

    Measured, not added up: a tokenizer may join the end of one module with the beginning of the next.
    """
    shared = {name for module in made.modules if _reach(module.shared_by) <= _reach(kind) for name in module.fields}
    prompts = [
        encode(made.messages({name: "word" if name in shared else start for name in made.fields})) for start in _STARTS
    ]
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*prompts, strict=False)))


def _own_tokens(made: Layout, at: int, encode: Encode) -> int:
    """Tokens of one module, its values empty: what the prompt is longer with it than without."""
    empty = dict.fromkeys(made.fields, "")
    return len(encode(made.beginning(empty, at + 1))) - len(encode(made.beginning(empty, at)))


def _reach(kind: SharedBy) -> int:
    return list(_READERS).index(kind)


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = []
    for number, module in enumerate(facts["modules"], 1):
        tokens = "" if module["tokens"] is None else f", {module['tokens']} tokens"
        lines.append(f"{number} {module['name']} ({module['role']}{tokens}), shared by {_READERS[module['shared_by']]}")
        lines += [f"    {line}" for line in module["text"].splitlines()]
    for row in facts["reusable"]:
        count = "" if row["tokens"] is None else f": {row['tokens']} tokens and what the values add"
        # Values of the stage's own modules are none, so its count is whole.
        count = count.removesuffix(" and what the values add") if row["by"] == "stage" else count
        small = row["tokens"] is not None and row["by"] == "stage" and row["tokens"] < _BLOCK_TOKENS
        hint = f" (under vLLM's block of {_BLOCK_TOKENS} on a CPU: not reused there)" if small else ""
        lines.append(f"reusable by {_READERS[row['by']]}: {' + '.join(row['modules'])}{count}{hint}")
    return lines


def _tokenizer(model: str) -> Encode | None:
    """The encoder of a model, or None where it was never fetched."""
    from foveate import models

    try:
        folder = Path(model).expanduser() if "/" in model or "\\" in model else models.path(model)
    except ModelMissing:
        return None
    from foveate.rerankers.folders import check_folder

    check_folder(folder)
    from transformers import AutoTokenizer

    from foveate.rerankers.prompts import ChatPrompt

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return ChatPrompt(tokenizer, model).encode
