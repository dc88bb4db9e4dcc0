"""One settings object: profile defaults, then ``foveate.toml``, then ``FOVEATE_*``, then flags.

The file is looked for in the working folder, then in the user's configuration folder; ``FOVEATE_CONFIG`` names
another. Nested keys use two underscores in the environment: ``FOVEATE_INDEX__OCR=true``.
A profile is a set of defaults, nothing more.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from foveate.errors import ConfigError
from foveate.media.pieces import Limits, ReadOptions

__all__ = ["Budget", "Settings", "StoreSettings", "config_file"]

_PREFIX = "FOVEATE_"
_OWN_VARIABLES = {"FOVEATE_CONFIG", "FOVEATE_MODELS_DIR"}

PROFILES: dict[str, dict[str, Any]] = {
    "embedded": {},
    "hub": {
        "encoder": "open_clip:ViT-B-32/laion2b_s34b_b79k",
        "generator": "openai:Qwen/Qwen3-VL-4B-Instruct@http://127.0.0.1:8000/v1",
        "generator_sees": True,
    },
    "cluster": {
        "encoder": "open_clip:ViT-B-32/laion2b_s34b_b79k",
        "generator": "openai:Qwen/Qwen3-VL-4B-Instruct@http://127.0.0.1:8000/v1",
        "generator_sees": True,
        "store": {"kind": "server", "url": "http://127.0.0.1:6333"},
    },
}


class StoreSettings(BaseModel):
    """Where vectors live."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["edge", "reference", "server"] = "edge"
    url: str | None = None
    """Address of a Qdrant server or cluster; for ``server`` only."""
    api_key: SecretStr | None = None


class Budget(BaseModel):
    """Hard limits of one question. What runs out ends in a partial answer or an abstention, not in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hops: int = Field(default=4, ge=1, le=16)
    """Retrieval rounds along the longest chain of a plan's steps."""
    step_hops: int = Field(default=2, ge=1, le=16)
    """Of them, for one step at most."""
    candidates: int = Field(default=40, ge=1, le=1000)
    """Chunks that reach the reranker, per hop."""
    judgements: int = Field(default=16, ge=0, le=1000)
    """Candidates that a cascade's language model may judge, per search."""
    evidence: int = Field(default=6, ge=1, le=64)
    """Chunks that are read for the answer."""
    prompt_tokens: int = Field(default=1200, ge=64)
    """Prompt tokens per model call."""
    answer_tokens: int = Field(default=96, ge=1)
    images: int = Field(default=4, ge=0, le=64)
    """Pictures sent to a model that sees."""
    seconds: float = Field(default=60.0, gt=0)


class Settings(BaseSettings):
    """Everything that can be set. Unknown keys are refused by name."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    profile: Literal["embedded", "hub", "cluster"] = "embedded"
    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("foveate")))
    """Folder that holds the collections."""
    encoder: str = "mini"
    """``mini``, ``hashed`` or ``open_clip:MODEL/PRETRAINED``."""
    generator: str = "local:smollm2"
    """``local:smollm2``, ``local:/folder`` or ``openai:MODEL@http://host:port/v1``."""
    generator_sees: bool = False
    """True when the generator takes pictures."""
    reasoner: str = "auto"
    """Plans, reads and verifies: ``mini`` (the embedded model with its adapter), ``generator``, ``none``,
    ``local:MODEL+ADAPTER`` or ``openai:MODEL@URL``. ``auto`` is ``mini`` with ``local:smollm2``, else ``generator``."""
    planning: Literal["model", "rules"] = "model"
    """``rules`` splits a question at its sentences only; ``model`` asks the reasoner, where there is one."""
    strategy: str = "condensed"
    """How evidence is gathered: ``single``, ``condensed``, ``lookup``, ``passage-graph``, ``quotes``, ``tree-search``:
    docs/reasoning.md."""
    reading: Literal["sentences", "margins"] = "sentences"
    """``margins`` reads every relevant chunk to its end and notes what helps (docs/reasoning.md)."""
    reranker: str = "sentences"
    """``sentences``, ``pointwise:mini``, ``cascade:pointwise``, ``pairwise:openai:MODEL@URL``: docs/reranking.md."""
    calibrator: Path | None = None
    """Of this reranker, by ``foveate train calibration``; what it finds less probable than ``cut_at`` is left out."""
    judge: str = "auto"
    """Weighs whether to answer: ``auto`` is the shipped one, where it was fitted for encoder and reasoner; ``none``, or
    a file by ``foveate.evals.fit_judge`` (docs/answerability.md)."""
    target_risk: float | None = Field(default=None, gt=0, lt=1)
    """Share of wrong answers among those given, at most; None abstains where that costs next to no right answer."""
    cut_at: float = Field(default=0.5, ge=0, le=1)
    api_key: SecretStr | None = None
    """Key of the generator's server."""
    store: StoreSettings = StoreSettings()
    index: ReadOptions = ReadOptions()
    limits: Limits = Limits()
    budget: Budget = Budget()
    decoders: int = Field(default=1, ge=0, le=64)
    """Child processes that decode media; 0 decodes in this process."""

    @classmethod
    def load(cls, **flags: Any) -> "Settings":
        """Settings from all sources; ``flags`` win, and those that are None count as not given.

        Raises:
            ConfigError: a key nobody knows or a bad value, with the place it stands in.
        """
        _refuse_unknown_variables()
        try:
            return cls(**{key: value for key, value in flags.items() if value is not None})
        except ValidationError as error:
            raise ConfigError(_explain(error)) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, file, profile: the first that names a key wins."""
        return init_settings, env_settings, _FileSource(settings_cls), _ProfileSource(settings_cls)


def config_file() -> Path | None:
    """The settings file in force, if any."""
    if named := os.environ.get("FOVEATE_CONFIG"):
        return Path(named)
    folders = (Path.cwd(), Path(platformdirs.user_config_dir("foveate")))
    return next((folder / "foveate.toml" for folder in folders if (folder / "foveate.toml").is_file()), None)


class _FileSource(PydanticBaseSettingsSource):
    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # pydantic calls __call__ alone for a source that gives whole mappings

    def __call__(self) -> dict[str, Any]:
        path = config_file()
        if path is None:
            return {}
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"settings file {str(path)!r}: {error}") from None


class _ProfileSource(_FileSource):
    def __call__(self) -> dict[str, Any]:
        return PROFILES.get(str(self.current_state.get("profile", "embedded")), {})


def _refuse_unknown_variables() -> None:
    # pydantic-settings reads only the variables it knows, so a misspelt one would be dropped in silence.
    known = {_PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        top = name.upper().split("__")[0]
        if name.upper().startswith(_PREFIX) and name not in _OWN_VARIABLES and top not in known:
            raise ConfigError(f"environment variable {name!r} is unknown; known: {', '.join(sorted(known))}")


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in item["loc"])
        what = "is not a setting" if item["type"] in _UNKNOWN_KEY else item["msg"]
        lines.append(f"setting {key!r}: {what}")
    where = config_file()
    return "; ".join(lines) + (f" (settings file {str(where)!r})" if where else "")


_UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}
