"""Run by CI with the built wheel alone: index two files and ask, without the checkout on the path."""

import tempfile
from pathlib import Path

import foveate
from foveate import Agent
from foveate.agent.sheet import write_sheet
from foveate.rerankers.scripted import ScriptedChat
from foveate.retrievers.encoders.hashed import HashedEncoder
from foveate.retrievers.encoders.mini import HEAD

with tempfile.TemporaryDirectory() as folder:
    home = Path(folder)
    (home / "a.txt").write_text("The lighthouse was built in 1871 by Ann Marlow. It is red.")
    (home / "b.md").write_text("# Bread\n\nBake it for forty minutes.")
    model = ScriptedChat(lambda _: "The lighthouse was built in 1871.")
    with Agent.open("wheel", home=home / "home", encoder=HashedEncoder(), model=model) as agent:
        report = agent.index([home / "a.txt", home / "b.md"])
        answer = agent.ask("When was the lighthouse built?")
        write_sheet(home / "sheet.html", [("q", answer)], agent.look)
    assert report.indexed == 2 and not report.skipped, report
    assert answer.verdict == "answered" and answer.citations[0].source.endswith("a.txt"), answer
    assert HEAD.is_file(), "the head's weights are missing from the wheel"
    print(f"wheel of foveate {foveate.__version__} at {Path(foveate.__file__).parent}: ok")
