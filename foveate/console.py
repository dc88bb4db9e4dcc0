"""How results look in a terminal, and their JSON form."""

import json as jsonlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from foveate.errors import FoveateError

if TYPE_CHECKING:
    from foveate.agent.events import Event
    from foveate.doctor import Check
    from foveate.records import Answer, Result
    from foveate.retrievers.progress import IndexProgress, IndexReport

__all__ = ["Console", "bar", "short", "visible"]

_MARKS = {"answered": "green", "partial": "yellow", "unanswerable": "red"}


def visible(text: str) -> str:
    """Text from files made safe to print: control and direction signs are shown, not obeyed."""
    return "".join(
        sign if sign.isprintable() or sign == " " else f"\\u{ord(sign):04x}" for sign in text.replace("\n", " ")
    )


def short(path: str) -> str:
    """A path as people in the working folder would write it. JSON output keeps whole paths."""
    return path.removeprefix(os.getcwd() + os.sep)


class Console:
    """Prints results to standard output, notes and errors to standard error."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json

    def error(self, error: FoveateError) -> None:
        """One line, or one JSON object, for a fault."""
        if self.json:
            self._dump({"error": {"type": type(error).__name__, "message": str(error)}})
        else:
            self._rich(stderr=True).print(f"[bold red]error:[/] {_plain(str(error))}", highlight=False)

    def note(self, text: str) -> None:
        """Something by the way."""
        if not self.json:
            self._rich(stderr=True).print(f"[dim]{_plain(text)}[/]", highlight=False)

    def table(self, facts: Mapping[str, Any]) -> None:
        """Names and values; a list of mappings becomes rows below them."""
        if self.json:
            self._dump(dict(facts))
            return
        out = self._rich()
        for key, value in facts.items():
            if isinstance(value, list):
                out.print(f"[bold]{_plain(key.replace('_', ' '))}[/]: {len(value)}", highlight=False)
                for row in value:
                    out.print("  " + _plain("  ".join(str(item) for item in row.values())), highlight=False)
            else:
                out.print(f"[bold]{_plain(key.replace('_', ' '))}[/]: {_plain(str(value))}", highlight=False)

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """A list of mappings with equal keys."""
        if self.json:
            self._dump([dict(row) for row in rows])
            return
        for row in rows:
            self._rich().print(_plain("  ".join(str(value) for value in row.values())), highlight=False)

    def lines(self, lines: Iterable[str]) -> None:
        """Text as it is, line by line."""
        out = self._rich()
        for line in lines:
            out.print(_plain(line), highlight=False)

    def checks(self, checks: Sequence["Check"]) -> None:
        """What ``doctor`` found."""
        if self.json:
            self._dump([{"name": c.name, "state": c.state, "detail": c.detail, "cure": c.cure} for c in checks])
            return
        colours = {"ok": "green", "warn": "yellow", "fail": "red"}
        for check in checks:
            line = f"[{colours[check.state]}]{check.state:4}[/] {_plain(check.name)}: {_plain(check.detail)}"
            self._rich().print(line + (f" -> {_plain(check.cure)}" if check.cure else ""), highlight=False)

    def report(self, report: "IndexReport") -> None:
        """What an index run did."""
        facts = {
            "indexed": report.indexed,
            "unchanged": report.unchanged,
            "linked": report.linked,
            "pruned": report.pruned,
            "chunks": report.chunks,
            "seconds": round(report.seconds, 2),
        }
        skipped = [{"path": row.path, "code": row.code, "reason": row.reason} for row in report.skipped]
        if self.json:
            self._dump(facts | {"skipped": skipped, "notes": [list(note) for note in report.notes]})
            return
        out = self._rich()
        out.print("  ".join(f"[bold]{value}[/] {key}" for key, value in facts.items()), highlight=False)
        for path, notes in report.notes:
            out.print(f"[dim]note[/] {_plain(short(path))}: {_plain('; '.join(notes))}", highlight=False)
        for row in skipped:
            out.print(f"[yellow]left out[/] {_plain(short(row['path']))}: {_plain(row['reason'])}", highlight=False)

    def results(self, results: Sequence["Result"]) -> None:
        """Search results, best first."""
        if self.json:
            self._dump([result.to_dict() for result in results])
            return
        out = self._rich()
        if not results:
            out.print("nothing found")
        for rank, result in enumerate(results, 1):
            seen = _where(result)
            stages = "  ".join(f"{hit.stage} {hit.score:.3f}" for hit in result.hits if hit.stage != "fused")
            out.print(f"[bold]{rank:2}[/] [cyan]{result.score:.4f}[/] {_plain(seen)}", highlight=False)
            if result.chunk.text:
                out.print(f"     {_plain(result.chunk.text[:160])}", highlight=False)
            out.print(f"     [dim]{stages}[/]", highlight=False)

    def answer(self, question: str, answer: "Answer", *, trace: bool) -> None:
        """An answer with its citations."""
        if self.json:
            self._dump(answer.to_dict(trace=trace))
            return
        out = self._rich()
        out.print(f"[bold]{_plain(question)}[/]", highlight=False)
        if answer.short and answer.short not in answer.text[: len(answer.short)]:
            out.print(f"[bold green]{_plain(answer.short)}[/]", highlight=False)
        out.print(_plain(answer.text), highlight=False)
        colour = _MARKS[answer.verdict]
        why = "" if answer.reason == "none" else f" ({answer.reason})"
        out.print(f"[{colour}]{answer.verdict}[/]{why}  confidence {answer.confidence:.2f}", highlight=False)
        for number, citation in enumerate(answer.citations, 1):
            place = citation.to_dict()["where"]
            out.print(f"  \\[{number}] {_plain(short(citation.source))}, {place}", highlight=False)
            if citation.quote:
                out.print(f"      [dim]“{_plain(citation.quote[:200])}”[/]", highlight=False)
        if trace:
            for event in answer.trace:
                out.print(_plain(jsonlib.dumps(event, ensure_ascii=False)[:1500]), highlight=False)

    def event(self, event: "Event") -> None:
        """What is worth telling while an answer is under way: the plan, each step's answer, each margin."""
        if self.json or not sys.stderr.isatty():
            return
        kind, detail = type(event).__name__, getattr(event, "detail", {})
        if kind == "Margin" and event.text:  # type: ignore[union-attr]
            self.note(f"[{event.index}/{event.of}] {short(event.source)}: {event.text[:160]}")  # type: ignore[union-attr]
        elif kind == "Stage" and event.name == "plan" and len(detail["steps"]) > 1:  # type: ignore[union-attr]
            for step in detail["steps"]:
                self.note(f"{step['id']}. {step['query']}")
        elif kind == "Stage" and detail.get("answer"):
            self.note(f"   {detail['step']}. {detail['answer']}")

    def _dump(self, body: Any) -> None:
        # ensure_ascii: names with broken characters must not break the pipe.
        sys.stdout.write(jsonlib.dumps(body, indent=2) + "\n")

    def _rich(self, *, stderr: bool = False) -> Any:
        from rich.console import Console as RichConsole

        return RichConsole(stderr=stderr, soft_wrap=True)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(visible(text))


def _where(result: "Result") -> str:
    from foveate.locators import describe

    chunk = result.chunk
    more = f" (+{len(result.also)} alike)" if result.also else ""
    return f"{short(chunk.path)}, {describe(chunk.locator)}{more}"


@contextmanager
def bar(console: Console) -> Iterator[Callable[["IndexProgress"], None]]:
    """A progress bar with rate and time left on standard error; silent for ``--json`` and in pipes."""
    if console.json or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[left_out]}"),
    )
    with Progress(*columns, console=RichConsole(stderr=True), transient=True) as progress:
        task = progress.add_task("index", total=None, rate="", left_out="")

        def show(state: "IndexProgress") -> None:
            speed = progress.tasks[0].finished_speed or progress.tasks[0].speed
            progress.update(
                task,
                total=state.total,
                completed=state.done,
                rate=f"{speed:.0f} files/s" if speed else "",
                left_out=f"{state.skipped} left out" if state.skipped else "",
            )

        yield show
