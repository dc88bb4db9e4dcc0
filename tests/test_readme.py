"""The README's commands and examples run, and what it shows is what is printed."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = [
    line.removeprefix("$ ").split("  #")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
COMMANDS = [line for line in CONSOLE if line.startswith("foveate ")]
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A home of its own; the examples' paths hold because the commands run in the checkout."""
    home = tmp_path_factory.mktemp("home")
    return {**os.environ, "FOVEATE_HOME": str(home), "COLUMNS": "120", "NO_COLOR": "1"}


def run(arguments: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readme_names_the_two_commands() -> None:
    assert {"make demo", "make test"} <= set(CONSOLE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in ("demo", "test"))


def test_commands_run_in_order(place: dict[str, str]) -> None:
    assert len(COMMANDS) >= 6
    for command in COMMANDS:
        arguments = shlex.split(command)[1:]
        if "--sheet" in arguments:
            arguments[arguments.index("--sheet") + 1] = str(Path(place["FOVEATE_HOME"]) / "evidence.html")
        # Runs go to the test's own folder: one of an earlier version would be refused, as it should.
        arguments = [re.sub(r"^runs/", f"{place['FOVEATE_HOME']}/runs/", argument) for argument in arguments]
        out = run([sys.executable, "-m", "foveate", *arguments], place)
        assert out.strip(), command


def test_python_example_runs(place: dict[str, str]) -> None:
    assert PYTHON
    for example in PYTHON:
        out = run([sys.executable, "-c", example], place)
        assert "museum.md" in out


def test_links_lead_somewhere() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name}: {link}"


def stable(text: str) -> list[str]:
    """Lines without what differs from machine to machine: seconds, scores, confidence, progress of fetching."""
    text = re.sub(r"\S*/examples/", "examples/", re.sub(r"\d+\.\d+", "#", text))
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
    keep = re.compile(r"(indexed|evidence sheet|answered|unanswerable|^\[\d\]|\?$)")
    return [line.split(", ")[0] for line in lines if keep.search(line) and "took" not in line]


@pytest.mark.slow
def test_demo_prints_what_the_readme_shows(tmp_path: Path, place: dict[str, str]) -> None:
    shown = re.search(r"<!-- demo -->\n```text\n(.*?)```", README, re.DOTALL)
    assert shown
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py")],
        cwd=tmp_path,
        env=place,
        capture_output=True,
        text=True,
        check=True,
        timeout=280,
    )
    assert stable(shown.group(1)) == [line for line in stable(done.stdout) if line]
    assert (tmp_path / "demo" / "evidence.html").stat().st_size > 10_000
