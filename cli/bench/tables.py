"""How benches show what they found, and the flags only they have."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Output, titled

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

Repeats = Annotated[int, typer.Option("--repeats", min=1, help="Repetitions; the best counts.")]


def show_facts(output: Output, value: dict[str, Any]) -> None:
    """Show names with their values, one a line."""
    output.result(value, lambda: facts(value))


def show_rows(output: Output, rows: Sequence[dict[str, Any]]) -> None:
    """Show one table."""
    output.result({"rows": list(rows)}, lambda: rows_table(rows))


def facts(value: dict[str, Any]) -> "Table":
    """Return names with their values as two columns."""
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for name, entry in value.items():
        table.add_row(name.replace("_", " "), _text(entry))
    return table


def rows_table(rows: Sequence[dict[str, Any]], title: str = "") -> "RenderableType":
    """Return rows of the same keys as a table."""
    from rich.table import Table

    table = Table(box=None)
    for name in rows[0]:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(_text(entry) for entry in row.values()))
    return titled(title.replace("_", " "), table) if title else table


SHORT = {"seconds": "s", "ratio": "x floor", "extra": "+", "compiled": "comp.", "mb": "MB"}


def narrow_table(rows: Sequence[dict[str, Any]], title: str) -> "RenderableType":
    """Show at most ten columns in 80 characters: short words, three digits."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in rows[0]:
        words = " ".join(SHORT.get(word, word) for word in name.split("_"))
        table.add_column(words, no_wrap=name in ("loss", "rival"))
    for row in rows:
        table.add_row(*(f"{e:.3g}" if isinstance(e, float) else str(e) for e in row.values()))
    return titled(title, table)


def _text(entry: Any) -> str:
    return f"{entry:.4g}" if isinstance(entry, float) else str(entry)
