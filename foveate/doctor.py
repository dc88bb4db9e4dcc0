"""Is this machine set up? One check a part, each with the cure beside it."""

import importlib.metadata
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from foveate import models
from foveate.settings import Settings, config_file

__all__ = ["Check", "examine"]

_PACKAGES = {
    "torch": "embedded",
    "transformers": "embedded",
    "timm": "embedded",
    "open_clip_torch": "hub",
    "qdrant-client": "serving",
    "rapidocr": "ocr",
}
_SQLITE_FLOOR = (3, 51, 3)
_FREE_GB = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    cure: str = ""
    """What to run or change; empty when nothing is wrong."""


def examine(settings: Settings) -> list[Check]:
    """Look at packages, models, the ledger's SQLite and the disk. Fetches nothing and changes nothing."""
    return [*_packages(settings), *_models(settings), _sqlite(), _disk(settings), _config()]


def _packages(settings: Settings) -> Iterator[Check]:
    needed = {"torch", "transformers", "timm"} if settings.profile == "embedded" else {"open_clip_torch"}
    if settings.store.kind == "server":
        needed.add("qdrant-client")
    for package, extra in _PACKAGES.items():
        name = f"package {package}"
        try:
            yield Check(name=name, state="ok", detail=importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            state: Literal["fail", "warn"] = "fail" if package in needed else "warn"
            yield Check(name=name, state=state, detail="not installed", cure=f"pip install 'foveate[{extra}]'")


def _models(settings: Settings) -> Iterator[Check]:
    wanted = {settings.encoder, settings.generator.removeprefix("local:")}
    for spec in models.catalogue():
        name = f"model {spec.name}"
        if not models.installed(spec.name):
            state: Literal["fail", "warn"] = "fail" if spec.name in wanted else "warn"
            yield Check(name=name, state=state, detail="not here", cure=f"foveate models get {spec.name}")
        else:
            yield Check(name=name, state="ok", detail=str(models.path(spec.name)))


def _sqlite() -> Check:
    if sqlite3.sqlite_version_info >= _SQLITE_FLOOR:
        return Check(name="sqlite", state="ok", detail=sqlite3.sqlite_version)
    # The WAL-reset race needs two writers; foveate holds one under a process lock, hence a warning at most.
    return Check(
        name="sqlite",
        state="warn",
        detail=f"{sqlite3.sqlite_version}, below 3.51.3 (WAL-reset race between two writers)",
        cure="keep collections off shared disks; foveate itself writes with one connection under a lock",
    )


def _disk(settings: Settings) -> Check:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    detail = f"{free_gb:.1f} GB free at {folder}"
    if free_gb < _FREE_GB:
        return Check(name="disk", state="warn", detail=detail, cure="free some space, or set FOVEATE_HOME")
    return Check(name="disk", state="ok", detail=detail)


def _config() -> Check:
    path = config_file()
    return Check(name="settings file", state="ok", detail=str(path) if path else "none (defaults)")
