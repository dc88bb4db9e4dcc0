"""Probes by name: one literal table, each loaded on use."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from foveate.errors import CallerError
from foveate.evals.probes.record import ProbeReport

__all__ = ["PROBES", "load"]

PROBES = {
    "association": "foveate.evals.probes.association:probe",
    "attributions": "foveate.evals.probes.explain:probe",
    "classes": "foveate.evals.probes.classes:probe",
    "correlates": "foveate.evals.probes.correlates:probe",
    "diversity": "foveate.evals.probes.spread:probe_diversity",
    "gap": "foveate.evals.probes.spread:probe_gap",
    "multi-object": "foveate.evals.probes.multi_object:probe",
    "text-spotting": "foveate.evals.probes.text_spotting:probe",
}
"""Name -> ``module:attr`` of a function (encoder, captioned pictures, options) -> report."""


def load(name: str) -> Callable[..., ProbeReport]:
    """The probe of that name.

    Raises:
        CallerError: if nothing has that name.
    """
    if name not in PROBES:
        raise CallerError(f"no probe named {name!r}; there are {', '.join(map(repr, sorted(PROBES)))}")
    module, _, attribute = PROBES[name].partition(":")
    found: Any = getattr(import_module(module), attribute)
    return found  # type: ignore[no-any-return]
