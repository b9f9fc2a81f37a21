"""`rankzoo embed`: embeddings of a large set, in shards, on one machine, an array job or Ray."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.division import division_options
from cli.flags import takes
from cli.index.inputs import Input
from cli.index.options import Captions
from cli.options import Model, Offline, Out, Scales, embed_options
from cli.output import Output, output_options
from zoo.embedding.options import EmbedOptions

if TYPE_CHECKING:
    from zoo.embedding.cluster import Division

ShardOption = Annotated[
    str, typer.Option("--shard", help="Only part i of n, such as 0/8; --shards N does all.")
]


@takes(division=division_options)
def part_options(shard: ShardOption = "", *, division: "Division") -> "Division":
    """Return how a set is divided, and which part of it is embedded."""
    return replace(division, shard=shard)


@dataclass(frozen=True)
class Work:
    """What is embedded by which model, and where it goes."""

    model: Model
    out: Out
    captions: Captions = False
    scales: Scales = "1"
    offline: Offline = False


@takes(
    work=Work,
    images=Input,
    division=part_options,
    options=embed_options,
    output=output_options,
)
def embed(
    *,
    work: Work,
    images: Input,
    division: "Division",
    options: EmbedOptions,
    output: Output,
) -> None:
    """Embed a set in shards; what is there and whole is kept, so run it again after a failure.

    `rankzoo index assemble` makes an index of the shards.
    """
    from zoo.embedding.cluster import embed_shards
    from zoo.embedding.sizes import parse_scales

    asked: dict[str, Any] = {
        "captions": work.captions,
        "scales": parse_scales(work.scales),
        "offline": work.offline,
    }
    job = images.job(work.model, options, **asked)
    done = embed_shards(work.out.absolute(), job, division, output.track)
    value = {"out": str(work.out), "shards": sum(done.values()), **done}
    output.result(
        value, lambda: f"{done['done']} shards embedded, {done['kept']} kept, in {work.out}"
    )
