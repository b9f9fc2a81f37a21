"""How an index and its tables are shown."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


def summary(value: dict[str, Any]) -> dict[str, Any]:
    """The keys that scripts rely on."""
    return {key: value[key] for key in ("count", "dim", "kind", "model")}


def listing(rows: list[dict[str, Any]]) -> "RenderableType":
    """A table with one line a row."""
    from rich.table import Table

    table = Table(*(name.replace("_", " ") for name in (rows[0] if rows else ())), box=None)
    for row in rows:
        table.add_row(*(f"{v:,.4g}" if isinstance(v, float) else str(v) for v in row.values()))
    return table


def facts(value: dict[str, Any]) -> "RenderableType":
    """A two-column table of what there is to say; lists of rows become their length."""
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for name, entry in value.items():
        if entry in ("", [], {}):
            continue
        rows = isinstance(entry, list) and entry and isinstance(entry[0], dict)
        shown = len(entry) if rows else ", ".join(entry) if isinstance(entry, list) else entry
        table.add_row(name.replace("_", " "), str(shown))
    return table
