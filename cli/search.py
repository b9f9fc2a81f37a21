"""`rankzoo search`: ask an index with images, folders of images, or words."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.index.inputs import load
from cli.index.options import Folder, OwnModel, Where
from cli.options import Json, Offline, Quiet

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zoo.index import Hit
    from zoo.index.query import Query

Questions = Annotated[
    list[str], typer.Argument(metavar="QUERY...", help="Images, folders of them, or words.")
]
K = Annotated[int, typer.Option("-k", "--k", min=1, help="Hits for each query.")]
Vote = Annotated[bool, typer.Option("--vote", help="Let the hits elect a label at every level.")]
Expand = Annotated[
    int, typer.Option("--expand", min=0, help="Mix this many neighbours into the query (α-QE).")
]
Rerank = Annotated[
    int, typer.Option("--rerank", min=0, help="Re-rank so many hits by k-reciprocal neighbours.")
]
Text = Annotated[
    bool, typer.Option("--text", help="Take the queries as words, even a file's name.")
]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page with the images found.")]


def search(
    index: Folder,
    queries: Questions,
    k: K = 10,
    where: Where = None,
    vote: Vote = False,
    expand: Expand = 0,
    rerank: Rerank = 0,
    text: Text = False,
    html: Html = None,
    model: OwnModel = "",
    offline: Offline = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the nearest items of an index."""
    from cli.output import Output
    from zoo.index import Index, refine
    from zoo.index.identity import as_indexed, identify, refuse_other_model
    from zoo.index.query import embed_queries, read_queries

    asked = read_queries(queries, as_text=text)
    opened = Index.open(index)
    name = model or opened.manifest.model.name
    embedder = as_indexed(load(name, offline), opened.manifest.model)
    vectors = embed_queries(embedder, asked)
    identity = identify(embedder, name)
    refuse_other_model(opened.manifest.model, identity)
    vectors = opened.prepare(vectors, "query")
    if expand:
        vectors = refine.expand(opened, vectors, expand, where=where)
    if rerank:
        found = refine.rerank(opened, vectors, k, among=rerank, where=where)
    else:
        found = opened.search(vectors, k, where=where, prepared=True)
    if html is not None:
        from zoo.files import write_text
        from zoo.index.results_page import results_page

        write_text(html, results_page(index, asked, found))
    results = [
        {
            "query": query.text,
            "hits": [hit.to_json() for hit in hits],
            **({"votes": [asdict(v) for v in refine.vote(hits)]} if vote else {}),
        }
        for query, hits in zip(asked, found, strict=True)
    ]
    Output(json, quiet).result({"results": results}, lambda: _tables(asked, found, vote))


def _tables(asked: "list[Query]", found: "list[list[Hit]]", vote: bool) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table

    from zoo.index import refine

    tables: list[RenderableType] = []
    for query, hits in zip(asked, found, strict=True):
        table = Table(title=query.text, title_justify="left", box=None)
        for column in ("rank", "score", "label", "path"):
            table.add_column(column, overflow="fold")
        for hit in hits:
            shown = hit.record.caption if query.path is None else ""
            table.add_row(str(hit.rank), f"{hit.score:.4f}", hit.label or shown, str(hit.path))
        if vote:
            for elected in refine.vote(hits):
                share = f"{elected.confidence:.0%} of the vote"
                tables.append(f"{query.text}: {elected.level} {elected.label} ({share})")
        tables.append(table if hits else Group(table, "no item fulfils the condition"))
    return Group(*tables)
