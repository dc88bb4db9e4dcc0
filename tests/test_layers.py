"""Imports only point down, and nothing imports a folder by its bare name."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("foveate", "memory", "retrievers", "rerankers", "agent", "evals", "serving")
BELOW = {
    "foveate": set(),
    "memory": {"foveate"},
    "retrievers": {"foveate", "memory"},
    "rerankers": {"foveate", "memory"},
    "agent": {"foveate", "memory", "retrievers", "rerankers"},
    "evals": {"foveate", "memory", "retrievers", "rerankers", "agent"},
    "serving": {"foveate", "memory", "retrievers", "rerankers", "agent"},
}
# The command line stands above everything although its file lies in the core folder.
ABOVE_ALL = {"foveate/cli.py", "foveate/__main__.py"}
# Names for annotations and for the lazy re-exports; nothing is loaded through them.
TYPE_CHECKING_ONLY = {"foveate/__init__.py", "foveate/console.py"}


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def layer(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] != "foveate":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in FOLDERS else "foveate"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    own = name.split("/")[0]
    for module in imports(path):
        assert module.split(".")[0] not in FOLDERS[1:], f"{name}: bare import of {module} loads a second copy"
        target = layer(module)
        if target is None or target == own or name in ABOVE_ALL | TYPE_CHECKING_ONLY:
            continue
        assert target in BELOW[own], f"{name} ({own}) imports {module} ({target}), which is not below it"


@pytest.mark.parametrize("name", sorted(TYPE_CHECKING_ONLY))
def test_type_checking_imports_load_nothing(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            assert layer(node.module or "") in (None, "foveate"), f"{name} loads {node.module} at import"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400, "one noun a file: over 400 lines it holds several"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            docstring = ast.get_docstring(node, clean=False)
            assert length - (len(docstring.splitlines()) if docstring else 0) <= 60, node.name


def test_no_unpickling() -> None:
    for path in sources():
        for module in imports(path):
            assert module.split(".")[0] not in {"pickle", "joblib", "shelve", "dill"}, path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in {"trust_remote_code", "allow_pickle", "weights_only"}:
                safe = node.arg == "weights_only"
                assert isinstance(node.value, ast.Constant) and node.value.value is safe, f"{path}: {node.arg}"
