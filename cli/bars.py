"""Progress bars with rate, time left and what was noted last; imported when one is drawn."""

from collections.abc import Callable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


def bars(console: Console, noted: Callable[[], str]) -> Progress:
    """Return bars on a console; `noted` is read anew each time."""
    named = TextColumn("{task.description}", markup=False)
    columns = (named, BarColumn(), MofNCompleteColumn(), _Noted(noted))
    return Progress(*columns, _Rate(), TimeRemainingColumn(), console=console)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:.1f}/s", style="progress.data.speed")


class _Noted(ProgressColumn):
    """What was noted last."""

    max_refresh = 0.5

    def __init__(self, noted: Callable[[], str]) -> None:
        self.noted = noted
        super().__init__()

    def render(self, task: Task) -> Text:  # noqa: ARG002
        return Text(self.noted())
