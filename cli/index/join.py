"""`rankzoo index assemble|merge`: one index of many parts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.cluster import cluster_options
from cli.division import Apart
from cli.flags import takes
from cli.idle import refuse_idle
from cli.index.build import layout_options
from cli.index.show import facts, summary
from cli.options import Out
from cli.output import Output, output_options
from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.cluster import Cluster


@takes(layout=layout_options, cluster=cluster_options)
def assemble_options(
    *, layout: dict[str, Any], apart: Apart = False, cluster: "Cluster | None"
) -> dict[str, Any]:
    """Return how the index of all shards is laid out, as fields of `AssembleOptions`."""
    return {**layout, "apart": apart, "cluster": cluster}


@takes(how=assemble_options, output=output_options)
def assemble(
    context: typer.Context,
    embedded: Annotated[Path, typer.Argument(help="What `rankzoo embed` wrote.")],
    out: Out,
    *,
    how: dict[str, Any],
    output: Output,
) -> None:
    """Make an index of all the shards that `rankzoo embed` wrote."""
    from zoo.index.assembling import AssembleOptions, encoded
    from zoo.index.assembling import assemble as assemble_shards

    refuse_idle(context)
    options = AssembleOptions(**how, track=output.track)
    if options.cluster and options.like is None and not encoded(options.plan, options.apart):
        problem = f"--engine makes codes of shards elsewhere, and {options.plan.kind} has none"
        raise UsageError(problem, "leave it out, or give a --kind of codes: IVF1024,PQ64x4fs")
    index = assemble_shards(out.absolute(), embedded.absolute(), options)
    value = {"index": str(out), **summary(index.info())}
    output.result(value, lambda: facts(value))


@takes(output=output_options)
def merge(
    indexes: Annotated[list[Path], typer.Argument(metavar="IDX...", help="Indexes of one model.")],
    out: Out,
    *,
    output: Output,
) -> None:
    """Make one index of several; codes trained together (--like) are moved as they are."""
    from zoo.index import Index

    merged = Index.merge(out, indexes)
    value = {"index": str(out), **summary(merged.info())}
    output.result(value, lambda: facts(value))
