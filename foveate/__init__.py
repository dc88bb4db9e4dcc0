"""foveate: questions about your pictures, documents and films, answered with citations.

Public names load on first use, so that ``import foveate`` stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foveate.agent.sdk import Agent
    from foveate.errors import FoveateError
    from foveate.records import Answer, Chunk, Citation, Hit, Media, Result
    from foveate.settings import Settings

__version__ = "0.1.0"

_HOMES = {
    "Agent": "foveate.agent.sdk",
    "Answer": "foveate.records",
    "Chunk": "foveate.records",
    "Citation": "foveate.records",
    "FoveateError": "foveate.errors",
    "Hit": "foveate.records",
    "Media": "foveate.records",
    "Result": "foveate.records",
    "Settings": "foveate.settings",
}

__all__ = [
    "Agent",
    "Answer",
    "Chunk",
    "Citation",
    "FoveateError",
    "Hit",
    "Media",
    "Result",
    "Settings",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'foveate' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
