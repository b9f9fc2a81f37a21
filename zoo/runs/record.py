"""What a run tells while it goes: to metrics.jsonl, to trackers, to listeners."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from zoo.files import Blame, read_lines, sealed_line, typed, write_text

Row = dict[str, Any]  # "step", then numbers by name
DAMAGED = Blame(hint="remove it: the run goes on, and loses its curves so far")
Listener = Callable[[Row], None]
METRICS = "metrics.jsonl"


@dataclass(frozen=True)
class _Rows:
    rows: list[dict[str, int | float | None]]


class Record:
    """Appends rows to `metrics.jsonl` and passes them to listeners."""

    def __init__(
        self, run: Path, first: int, listeners: Sequence[Listener], *, muted: bool
    ) -> None:
        """Open the record of `run`, dropping rows written after update number `first`.

        A muted record, of a process that does not lead, writes and tells nothing.
        """
        self._file, self._listeners = None, listeners
        if muted:
            return
        path = run / METRICS
        kept = [row for row in read_rows(run) if row["step"] <= first]
        write_text(path, "".join(map(sealed_line, kept)))
        self._file = path.open("a", encoding="utf-8")

    def write(self, row: Row | None) -> None:
        """Append one row, if there is one."""
        if self._file is None or row is None:
            return
        self._file.write(sealed_line(row))
        self._file.flush()
        for listener in self._listeners:
            listener(row)

    def __enter__(self) -> "Record":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write nothing more."""
        if self._file:
            self._file.close()
            self._file = None


def read_rows(run: Path) -> list[Row]:
    """Return the rows of a run's `metrics.jsonl`; a last line cut short by a crash is left out.

    Raises:
        IntegrityError: a line is not what was written.
    """
    path = run / METRICS
    rows = read_lines(path, DAMAGED) if path.exists() else []
    return list[Row](typed(_Rows, {"rows": rows}, path, DAMAGED).rows)
