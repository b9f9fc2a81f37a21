"""Self-contained HTML: a page is one file, with no script and nothing to fetch.

Blocks are made by Jinja templates that escape every text; what is no block is escaped too.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

Cell = str | int | float


def page(title: str, lead: str, *blocks: str) -> str:
    """Return a whole document; `title`, `lead`, and blocks made by no template, are plain text."""
    sheets = (files("zoo.report").joinpath(name) for name in ("palette.css", "style.css"))
    style = Markup("".join(sheet.read_text(encoding="utf-8") for sheet in sheets))
    template = _templates().get_template("page.html")
    return template.render(title=title, lead=lead, style=style, blocks=blocks) + "\n"


def block(name: str, *values: object) -> Markup:
    """Return what the macro `name` of `templates/blocks.html` makes of its values."""
    macro = getattr(_templates().get_template("blocks.html").module, name)
    return Markup(macro(*values))


def section(heading: str, *blocks: Markup) -> Markup:
    """Return blocks under a heading (plain text)."""
    return block("section", heading, blocks)


def paragraph(text: str) -> Markup:
    """Return plain text as a paragraph."""
    return block("paragraph", text)


def commands(lines: Sequence[str]) -> Markup:
    """Return commands a reader can copy."""
    return block("commands", "\n".join(lines))


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Markup:
    """Return a table; numbers are right-aligned, floats shown with four decimals.

    >>> "0.1250" in table(["metric", "value"], [["recall_at_1", 0.125]])
    True
    """
    numeric = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    return block("table", header, [[_text(value) for value in row] for row in rows], numeric)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, which takes an s unless it is one.

    >>> counted(1, "card"), counted(2400, "image")
    ('1 card', '2,400 images')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def facts(values: Mapping[str, Cell]) -> Markup:
    """Return a two-column table of names and values."""
    return table(["setting", "value"], [[name, _text(value)] for name, value in values.items()])


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("zoo.report"),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )


def _text(value: Cell) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
