"""The one place that prints: results on stdout, everything else on stderr.

Nothing printed is markup, and nothing in it reaches the terminal as a command (`cli.foreign`).
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from cli.foreign import Foreign, in_json, on_one_line, shown
from cli.lines import by_lines
from cli.options import Json, Quiet
from zoo.errors import RankzooError

SCHEMA_VERSION = 1
UNBOUNDED = 10_000  # columns
T = TypeVar("T")


class _Lines(logging.Handler):
    """Tells a log record as `Output.log` tells a line: whole, whatever the width."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(self.format(record))


class Output:
    """Where a command's result, log and progress go, following `--json` and `--quiet`."""

    def __init__(self, json: bool = False, quiet: bool = False) -> None:
        self.json = json
        self.noted = ""
        self.console = Console(stderr=True, quiet=quiet, markup=False, emoji=False)
        self._watched = not (json or quiet) and self.console.is_terminal
        logger = logging.getLogger("rankzoo")
        logger.handlers = [_Lines(self.log)]
        logger.setLevel(logging.INFO)
        logger.propagate = False

    def log(self, message: str) -> None:
        """Tell the person something that is not the result (stderr)."""
        self.console.print(shown(message), highlight=False, soft_wrap=True)

    def result(self, value: dict[str, Any], human: Callable[[], RenderableType]) -> None:
        """Print the command's result: one JSON object, or what `human` renders (stdout)."""
        if self.json:
            _print_json(value)
        else:
            _print_human(Foreign(human()))

    def track(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield `items` under a progress bar with rate and time left.

        Where nobody watches, in a file or under `--json`, a line appears every half minute.
        """
        if not self._watched:
            yield from by_lines(items, on_one_line(description), total, self._say)
            return
        from cli.bars import bars

        with bars(self.console, lambda: self.noted) as progress:
            yield from progress.track(items, description=on_one_line(description), total=total)

    def note(self, row: dict[str, Any]) -> None:
        """Show the loss of a training run's record beside its progress."""
        if "loss" in row:
            self.noted = f"loss {row['loss']:.4g}"

    def _say(self, line: str) -> None:
        self.log(f"{line}, {self.noted}" if self.noted else line)


def output_options(json: Json = False, quiet: Quiet = False) -> Output:
    """Return where results and progress go."""
    return Output(json, quiet)


def piped(what: RenderableType) -> str:
    """Return what a file or a pipe gets: it has no width to fit into, and nothing is padded to one.

    A path stays whole; with `COLUMNS` in the environment lines are folded to that many.
    """
    console = Console(markup=False, emoji=False)
    if "COLUMNS" not in os.environ:
        console.width = UNBOUNDED
    with console.capture() as said:
        console.print(what)
    return "\n".join(line.rstrip() for line in said.get().split("\n"))


class Prose:
    """Markdown: set for a terminal, and as it is written for a pipe."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render for the console that asks."""
        from rich.markdown import Markdown

        if console.is_terminal:
            yield Markdown(self.text)
        else:
            yield Text(self.text, no_wrap=True, overflow="ignore")


def titled(title: str, table: RenderableType, below: str = "") -> Group:
    """Return a table between two lines: Rich would fold its own title to the table's width."""
    return Group(title, table, *([below] if below else []))


def fail(error: RankzooError, as_json: bool) -> None:
    """Print an error as one line (stderr), or as one JSON object (stdout)."""
    if as_json:
        _print_json({"error": str(error), "code": error.code, "hint": error.hint})
        return
    hint = f" — {error.hint}" if error.hint else ""
    print(on_one_line(f"rankzoo: {error}{hint}"), file=sys.stderr)


def debugging() -> bool:
    """Whether `RANKZOO_DEBUG=1` asks for tracebacks."""
    return os.environ.get("RANKZOO_DEBUG", "") not in ("", "0")


def _print_human(what: RenderableType) -> None:
    console = Console(markup=False, emoji=False)
    if console.is_terminal:
        console.print(what)
    else:
        _write(piped(what))


def _print_json(value: dict[str, Any]) -> None:
    text = json.dumps({"schema_version": SCHEMA_VERSION, **value}, ensure_ascii=False)
    _write(f"{in_json(text)}\n")


def _write(text: str) -> None:
    """Write to stdout at once: `serve` goes on for hours after it has told its address.

    A reader that has left, as `head` does, ends the command as it ends others: 141, no word.
    """
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it again
        sys.exit(141)  # an error's own line may be what nobody reads: no exception of Typer's
