"""`rankzoo search`: ask an index with images, folders of images, or words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.flags import takes
from cli.idle import refuse_idle
from cli.index.inputs import Opened
from cli.index.options import Where
from cli.options import Alpha, Expand, Rerank
from cli.output import Output, output_options, titled
from zoo.errors import UsageError
from zoo.search.options import ALPHA, SearchOptions, parse_reranking

if TYPE_CHECKING:
    from rich.console import RenderableType

    from zoo.search.queries import Query
    from zoo.search.search import Answer

Questions = Annotated[
    list[str], typer.Argument(metavar="QUERY...", help="Images, folders of them, or words.")
]
K = Annotated[int, typer.Option("-k", "--k", min=1, help="Hits for each query.")]
Vote = Annotated[bool, typer.Option("--vote", help="Let the hits elect a label at every level.")]
Text = Annotated[
    bool, typer.Option("--text", help="Take the queries as words, even a file's name.")
]
Together = Annotated[
    bool, typer.Option("--together", help="Take all queries as one: the mean of their vectors.")
]
Html = Annotated[Path | None, typer.Option("--html", help="Write a page with the images found.")]


def search_options(
    k: K = 10, where: Where = None, expand: Expand = 0, alpha: Alpha = ALPHA, rerank: Rerank = "0"
) -> SearchOptions:
    """Return how to search.

    Raises:
        UsageError: an option cannot be, or says nothing.
    """
    options = SearchOptions(k, where, expand, alpha, parse_reranking(rerank))
    options.require_use()
    return options


@dataclass(frozen=True)
class Asked:
    """What is searched for."""

    queries: list[str]
    text: bool
    together: bool


def asked_options(
    context: typer.Context, queries: Questions, text: Text = False, together: Together = False
) -> Asked:
    """Return what is searched for.

    Raises:
        UsageError: an option was typed that says nothing beside the others.
    """
    refuse_idle(context)
    return Asked(queries, text, together)


@dataclass(frozen=True)
class Shown:
    """How the answers are shown."""

    vote: Vote = False
    html: Html = None


@takes(
    source=Opened, asked=asked_options, options=search_options, shown=Shown, output=output_options
)
def search(
    *,
    source: Opened,
    asked: Asked,
    options: SearchOptions,
    shown: Shown,
    output: Output,
) -> None:
    """Find the nearest items of an index."""
    from zoo.index import Index
    from zoo.search.asking import ask
    from zoo.search.queries import Query, read_queries

    queries = read_queries(asked.queries, as_text=asked.text)
    options = replace(options, together=asked.together)
    opened = Index.open(source.index)
    if shown.vote and not opened.manifest.levels:
        raise UsageError(f"--vote elects labels, and {source.index} has none", "leave it out")
    model, name = source.load(opened.manifest.model.name)
    answers = ask(opened, model, queries, options, name)
    if asked.together:
        queries = [Query(" + ".join(query.text for query in queries))]
    if shown.html is not None:
        from zoo.files import write_text
        from zoo.search.results_page import results_page

        write_text(
            shown.html, results_page(source.index, queries, [answer.hits for answer in answers])
        )
    results = [
        {"query": query.text, **answer.to_json(votes=shown.vote)}
        for query, answer in zip(queries, answers, strict=True)
    ]
    output.result({"results": results}, lambda: _tables(queries, answers, shown.vote))


def _tables(
    queries: "Sequence[Query]", answers: "Sequence[Answer]", vote: bool
) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table

    tables: list[RenderableType] = []
    for query, answer in zip(queries, answers, strict=True):
        table = Table(box=None)
        reordered = any(hit.cosine is not None for hit in answer.hits)
        captioned = any(hit.record.caption for hit in answer.hits)
        more = {"similarity": reordered, "label": True, "caption": captioned, "path": True}
        for column in ("rank", "score", *(name for name, there in more.items() if there)):
            table.add_column(column, overflow="fold")
        for hit in answer.hits:
            similarity = [f"{hit.similarity:.4f}"] if reordered else []
            caption = [hit.record.caption] if captioned else []
            cells = (*similarity, hit.label, *caption, str(hit.path))
            table.add_row(str(hit.rank), f"{hit.score:.4f}", *cells)
        for elected in answer.votes if vote else ():
            share = f"{elected.confidence:.0%} of the vote"
            tables.append(f"{query.text}: {elected.level} {elected.label} ({share})")
        none = "" if answer.hits else "no item fulfils the condition"
        tables.append(titled(query.text, table, none))
    return Group(*tables)
