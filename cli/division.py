"""Options of commands that divide a set into shards."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.cluster import cluster_options
from cli.flags import takes

if TYPE_CHECKING:
    from zoo.cluster import Cluster
    from zoo.embedding.cluster import Division

Shards = Annotated[
    int,
    typer.Option(
        "--shards",
        min=0,
        help="Parts to divide the set into; default 1, 16 on Ray, or one a packed file.",
    ),
]


Apart = Annotated[
    bool, typer.Option("--apart", help="Keep each shard a segment, for `serve --engine ray`.")
]


@takes(cluster=cluster_options)
def division_options(shards: Shards = 0, *, cluster: "Cluster | None") -> "Division":
    """Return how a set is divided, and who embeds the parts."""
    from zoo.embedding.cluster import Division

    return Division(shards=shards, cluster=cluster)
