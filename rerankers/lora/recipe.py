"""A training recipe: everything that decides the weights of an adapter, but the data."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from foveate.errors import CallerError

__all__ = ["Recipe", "read_recipe"]

_MAX_BYTES = 1 << 20
_LATER = ("anchor", "start", "weights")
"""Keys that came after the first adapters: at their defaults they are left out of the fingerprint."""
Weight = Annotated[float, Field(gt=0, le=1000)]
Module = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Recipe(BaseModel):
    """How an adapter is trained (LoRA, Hu et al. 2021). An unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: str = "smollm2"
    """Name of a fetched model, or a folder."""
    start: str | None = None
    """Folder of an adapter of the same base, rank and modules to go on from; of completions."""
    rank: int = Field(default=8, ge=1, le=16)
    """Size of the low-rank update."""
    alpha: float = Field(default=16.0, gt=0, le=1024)
    """The update is scaled by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Of what goes into the update, while training."""
    target_modules: tuple[Module, ...] = Field(default=("q_proj", "v_proj"), min_length=1)
    """Last part of the names of the linear layers that are adapted."""
    last_layers: int | None = Field(default=None, ge=1)
    """Adapt only so many layers at the end: those before run without gradients. None adapts all."""
    learning_rate: float = Field(default=5e-4, gt=0, le=1)
    """At the peak, after the warm-up; it falls to 0 by a cosine."""
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of the training in which the learning rate rises."""
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    clip: float = Field(default=1.0, gt=0)
    """The most that the norm of a step's gradient may be."""
    epochs: float = Field(default=1.0, gt=0, le=1000)
    """How often each pair or completion is seen."""
    max_steps: int | None = Field(default=None, ge=1)
    """Ends earlier than the epochs."""
    max_minutes: float | None = Field(default=None, gt=0)
    """Ends earlier, held-out measurements included. The learning rate falls so that it is 0 by then."""
    batch_tokens: int = Field(default=512, ge=16, le=65536)
    """Tokens of one forward pass; one row may be longer where a single record is."""
    accumulation: int = Field(default=4, ge=1, le=4096)
    """Forward passes of one step."""
    candidate_tokens: int = Field(default=512, ge=8, le=8192)
    """Longer candidates are cut; as in a reranker, whose default this is."""
    listwise: float = Field(default=0.0, ge=0, le=100)
    """Weight of a second loss: among the candidates of one question, softmax over yes minus no (ListNet). Of pairs."""
    weights: dict[str, Weight] = Field(default_factory=dict)
    """Of completions: how much one of a task counts, 1 where nothing is said."""
    anchor: float = Field(default=0.0, ge=0, le=1000)
    """Half of it times the squared distance from the base's weights is added to the loss (L2-SP)."""
    held_out: float = Field(default=0.1, gt=0, lt=1)
    """Share of the questions kept for measuring, where the data do not say which."""
    held_out_pairs: int | None = Field(default=None, ge=2)
    """Measure on the first so many held-out pairs, whole questions, in the order of their hashes; None takes all."""
    eval_every: int = Field(default=50, ge=1)
    """Steps between two measurements, each of which also keeps a checkpoint."""
    patience: int = Field(default=5, ge=1)
    """Measurements without a better held-out loss before training ends."""
    seed: int = Field(default=0, ge=0, lt=2**31)

    def deciding(self) -> dict[str, Any]:
        """What decides the weights, as JSON: not the base's name, nor the minutes, of which a run may be given more."""
        body = self.model_dump(mode="json", exclude={"base", "max_minutes"})
        return {key: value for key, value in body.items() if key not in _LATER or value}

    @field_validator("target_modules")
    @classmethod
    def _unique(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) != len(names):
            raise ValueError("a module stands twice")
        return tuple(sorted(names))


def read_recipe(path: Path | None = None, **changes: Any) -> Recipe:
    """The recipe in a TOML file, with ``changes`` that are not None; without a file, the defaults.

    Raises:
        CallerError: no such file, not TOML, or a key or value that is not allowed; names it.
    """
    where = "recipe" if path is None else f"recipe {str(path)!r}"
    body = {} if path is None else _toml(path, where)
    try:
        return Recipe.model_validate(body | {key: value for key, value in changes.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise CallerError(
                f"{where}: unknown key {key!r}; known: {', '.join(sorted(Recipe.model_fields))}"
            ) from None
        raise CallerError(f"{where}: {key} is {first['input']!r}: {first['msg']}") from None


def _toml(path: Path, where: str) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise CallerError(f"{where} is larger than {_MAX_BYTES} bytes")
        return tomllib.loads(text.decode("utf-8"))
    except OSError as error:
        raise CallerError(f"{where} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CallerError(f"{where} is not TOML: {error}") from error
