"""Models of the Hugging Face hub, by ``open_clip:MODEL/TAG`` or ``hf:OWNER/NAME``.

The clients keep their own cache; foveate only asks them, takes safetensors and text files alone, and says
plainly when the hub is out of reach.
"""

from pathlib import Path

from foveate.errors import CallerError, ExtraMissing, ModelError

__all__ = ["get"]

_PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")


def get(name: str) -> Path:
    """Fetch a hub model unless the client's cache has it.

    Returns:
        The weights file of an open_clip tag; the snapshot folder of an ``hf:`` repository.

    Raises:
        CallerError: if the name's form, model or tag is unknown.
        ExtraMissing: without the client's package.
        ModelError: if the hub cannot be reached or refuses.
    """
    kind, _, rest = name.partition(":")
    first, slash, second = rest.partition("/")
    if kind not in ("open_clip", "hf") or not (first and slash and second):
        raise CallerError(f"no model named {name!r}; hub names are 'open_clip:MODEL/TAG' and 'hf:OWNER/NAME'")
    return _open_clip(first, second) if kind == "open_clip" else _snapshot(rest)


def _open_clip(model: str, tag: str) -> Path:
    try:
        from open_clip.pretrained import (
            download_pretrained,
            get_pretrained_cfg,
            list_pretrained_tags_by_model,
        )
    except ImportError as error:
        raise ExtraMissing("open_clip_torch", "hub") from error
    config = get_pretrained_cfg(model, tag)
    if not config:
        tags = ", ".join(list_pretrained_tags_by_model(model)) or "none"
        raise CallerError(f"open_clip knows no weights {tag!r} of {model!r}; tags of that model: {tags}")
    try:
        fetched = download_pretrained(config)
    except Exception as error:  # the client raises dozens of types; the cause stays chained
        raise _unreachable(f"{model}/{tag}", error) from error
    return Path(fetched)


def _snapshot(repository: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ExtraMissing("huggingface_hub", "hub") from error
    try:
        return Path(snapshot_download(repository, allow_patterns=list(_PATTERNS)))
    except Exception as error:  # as above
        raise _unreachable(repository, error) from error


def _unreachable(what: str, error: Exception) -> ModelError:
    cause = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ModelError(
        f"{what!r} could not be fetched from the hub ({type(error).__name__}: {cause}); "
        "embedded models need no hub: foveate models list"
    )
