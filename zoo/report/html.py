"""Self-contained HTML: a page is one file, with no script and nothing to fetch."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

Cell = str | int | float


def page(title: str, lead: str, *blocks: str) -> str:
    """Return a whole document; `blocks` are HTML, `title` and `lead` plain text."""
    sheets = (files("zoo.report").joinpath(name) for name in ("palette.css", "style.css"))
    style = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>",
            f'<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>',
            *blocks,
            "</main>\n</body>\n</html>\n",
        ]
    )


def section(heading: str, *blocks: str) -> str:
    """Return blocks under a heading (plain text)."""
    return f"<section>\n<h2>{escape(heading)}</h2>\n" + "\n".join(blocks) + "\n</section>"


def paragraph(text: str) -> str:
    """Return plain text as a paragraph."""
    return f"<p>{escape(text)}</p>"


def commands(lines: Sequence[str]) -> str:
    """Return commands a reader can copy."""
    return f"<pre>{escape(chr(10).join(lines))}</pre>"


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a table; numbers are right-aligned, floats shown with four decimals.

    >>> "0.1250" in table(["metric", "value"], [["recall_at_1", 0.125]])
    True
    """
    numeric = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    head = "".join(_cell("th", name, n) for name, n in zip(header, numeric, strict=True))
    body = "\n".join(
        "<tr>" + "".join(_cell("td", v, n) for v, n in zip(row, numeric, strict=True)) + "</tr>"
        for row in rows
    )
    table_html = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    return f'<div class="scroll">{table_html}</div>'


def facts(values: Mapping[str, Cell]) -> str:
    """Return a two-column table of names and values."""
    return table(["setting", "value"], [[name, _text(value)] for name, value in values.items()])


def _cell(tag: str, value: Cell, numeric: bool) -> str:
    attribute = ' class="number"' if numeric else ""
    text = escape(_text(value)).replace("_", "_<wbr>")  # long names wrap on a narrow screen
    return f"<{tag}{attribute}>{text}</{tag}>"


def _text(value: Cell) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
