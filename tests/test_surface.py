"""The public names: sorted, documented, loadable, and cheap to import."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import foveate

MODULES = [
    info.name for info in pkgutil.walk_packages(foveate.__path__, "foveate.") if not info.name.endswith("__main__")
]


def test_public_names() -> None:
    assert foveate.__all__ == sorted(foveate.__all__)
    for name in foveate.__all__:
        assert getattr(foveate, name) is not None


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Agnet'"):
        _ = foveate.Agnet  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", MODULES)
def test_all_is_sorted_and_true(name: str) -> None:
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    assert list(names) == sorted(names)
    for public in names:
        thing = getattr(module, public)
        if callable(thing) and getattr(thing, "__module__", None) == name:
            assert thing.__doc__, f"{name}.{public} has no docstring"


def test_import_is_cheap() -> None:
    code = (
        "import sys, foveate, foveate.cli;"
        "heavy = {'torch', 'transformers', 'langgraph', 'qdrant_edge', 'numpy', 'PIL', 'av'} & set(sys.modules);"
        "print(sorted(heavy))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_library_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    for name in MODULES:
        importlib.import_module(name)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
