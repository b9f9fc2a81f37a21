"""`rankzoo index duplicates` and `rankzoo index map`: look into an index."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.index.options import Folder
from cli.options import Json, Quiet

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zoo.index import Hit

Threshold = Annotated[float, typer.Option("--threshold", help="Cosine similarity that links two.")]
Html = Annotated[Path, typer.Option("--html", help="The page to write.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Images on the map.")]


def duplicates(
    index: Folder, threshold: Threshold = 0.97, json: Json = False, quiet: Quiet = False
) -> None:
    """List groups of items that are nearly the same."""
    from cli.output import Output
    from zoo.index import Index
    from zoo.index.duplicates import duplicates as find

    output = Output(json, quiet)
    groups = find(Index.open(index), threshold, output.track)
    value = {"threshold": threshold, "groups": [[h.to_json() for h in g] for g in groups]}
    output.result(value, lambda: _groups(groups))


def draw_map(
    index: Folder,
    html: Html = Path("map.html"),
    limit: Limit = 1_000,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write an offline page where similar images lie near each other."""
    from cli.output import Output
    from zoo.files import write_text
    from zoo.index import Index
    from zoo.index.map import map_page

    write_text(html, map_page(Index.open(index), limit))
    value = {"map": str(html), "bytes": html.stat().st_size}
    Output(json, quiet).result(value, lambda: f"{html} ({value['bytes']:,} bytes)")


def _groups(groups: "list[list[Hit]]") -> "RenderableType":
    from rich.table import Table

    captioned = any(hit.record.caption for group in groups for hit in group)
    table = Table("group", "score", "id", *(["caption"] if captioned else []), "path", box=None)
    for number, group in enumerate(groups, start=1):
        for hit in group:
            caption = [hit.record.caption] if captioned else []
            score = f"{hit.score:.4f}"
            table.add_row(str(number), score, str(hit.record.id), *caption, str(hit.path))
    return table if groups else "no two items are that alike"
