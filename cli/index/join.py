"""`rankzoo index assemble|merge`: one index of many parts."""

from pathlib import Path
from typing import Annotated

import typer

from cli.index.options import Kind, Like, Refine
from cli.index.show import facts, summary
from cli.options import Json, Out, Quiet


def assemble(
    embedded: Annotated[Path, typer.Argument(help="What `rankzoo embed` wrote.")],
    out: Out,
    kind: Kind = "Flat",
    refine: Refine = 0,
    like: Like = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make an index of all the shards that `rankzoo embed` wrote."""
    from cli.output import Output
    from zoo.index import Plan
    from zoo.index.assembling import assemble as assemble_shards

    index = assemble_shards(out, embedded, plan=Plan(kind, refine), like=like)
    value = {"index": str(out), **summary(index.info())}
    Output(json, quiet).result(value, lambda: facts(value))


def merge(
    indexes: Annotated[list[Path], typer.Argument(metavar="IDX...", help="Indexes of one model.")],
    out: Out,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make one index of several; codes trained together (--like) are moved as they are."""
    from cli.output import Output
    from zoo.index import Index

    merged = Index.merge(out, indexes)
    value = {"index": str(out), **summary(merged.info())}
    Output(json, quiet).result(value, lambda: facts(value))
