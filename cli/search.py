"""`rankzoo search`: ask an index with pictures, folders of pictures, or words."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.index import Folder, OwnModel, Where, load
from cli.options import Json, Offline, Quiet

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zoo.index import Hit
    from zoo.index.query import Query

Questions = Annotated[
    list[str], typer.Argument(metavar="QUERY...", help="Pictures, folders of them, or words.")
]
K = Annotated[int, typer.Option("-k", "--k", min=1, help="Hits for each query.")]
Text = Annotated[
    bool, typer.Option("--text", help="Take the queries as words, even a file's name.")
]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page with the pictures found.")]


def search(
    index: Folder,
    queries: Questions,
    k: K = 10,
    where: Where = None,
    text: Text = False,
    html: Html = None,
    model: OwnModel = "",
    offline: Offline = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the nearest items of an index."""
    from cli.output import Output
    from zoo.index import Index
    from zoo.index.identity import identify
    from zoo.index.query import embed_queries, read_queries

    asked = read_queries(queries, as_text=text)
    opened = Index.open(index)
    name = model or opened.manifest.model.name
    embedder = load(name, offline)
    vectors = embed_queries(embedder, asked)
    found = opened.search(vectors, k, where=where, model=identify(embedder, name))
    if html is not None:
        from zoo.files import write_text
        from zoo.index.page import results_page

        write_text(html, results_page(index, asked, found))
    results = [
        {"query": query.text, "hits": [hit.to_json() for hit in hits]}
        for query, hits in zip(asked, found, strict=True)
    ]
    Output(json, quiet).result({"results": results}, lambda: _tables(asked, found))


def _tables(asked: "list[Query]", found: "list[list[Hit]]") -> "RenderableType":
    from rich.console import Group
    from rich.table import Table

    tables: list[RenderableType] = []
    for query, hits in zip(asked, found, strict=True):
        table = Table(title=query.text, title_justify="left", box=None)
        for column in ("rank", "score", "label", "path"):
            table.add_column(column, overflow="fold")
        for hit in hits:
            shown = hit.record.caption if query.path is None else ""
            table.add_row(str(hit.rank), f"{hit.score:.4f}", hit.label or shown, str(hit.path))
        tables.append(table if hits else Group(table, "no item fulfils the condition"))
    return Group(*tables)
