"""The demo: index the sample collection, search, ask, and write an evidence sheet. Run it with ``make demo``."""

import time
from pathlib import Path

from foveate import Agent
from foveate.agent.sheet import write_sheet
from foveate.console import Console, bar

HERE = Path(__file__).parent
OUT = Path("demo")
QUESTIONS = (
    "When is the Harbour Museum open in summer?",
    "Which picture shows a bird of prey in the sky?",
    "How hot must the oven be for the sourdough loaf?",
    "Which fishing boat is the first to leave the harbour in the film?",
    "Who won the chess championship of Atlantis?",
)


def main() -> None:
    """Index, search, ask, write."""
    console = Console()
    start = time.perf_counter()
    with Agent.open("sample", home=OUT / "home") as agent:
        with bar(console) as progress:
            report = agent.index(HERE / "sample", progress=progress)
        console.report(report)
        print("\nsearch: two boats on the water")
        console.results(agent.search("two boats on the water", k=3))
        answers = []
        for question in QUESTIONS:
            answer = agent.ask(question)
            answers.append((question, answer))
            print()
            console.answer(question, answer, trace=False)
        sheet = OUT / "evidence.html"
        write_sheet(sheet, answers, agent.look)
    print(f"\nevidence sheet: {sheet}  (open it in a browser)")
    print(f"took {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
