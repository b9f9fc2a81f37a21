"""`rankzoo embed`: embeddings of a large set, in shards, on one machine, an array job or Ray."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import typer

from cli.flags import takes
from cli.index.options import Captions, Images
from cli.options import Model, Offline, OnBadImage, Out, Scales, embed_options
from cli.output import Output, output_options
from zoo.embedding.options import EmbedOptions
from zoo.errors import UsageError

ShardOption = Annotated[
    str, typer.Option("--shard", help="Only part i of n, such as 0/8; --shards N does all.")
]
Shards = Annotated[int, typer.Option("--shards", min=1, help="Parts to divide the set into.")]
Engine = Annotated[
    Literal["local", "ray"], typer.Option("--engine", help="Here, or as tasks of a Ray cluster.")
]
Address = Annotated[
    str | None, typer.Option("--address", help="A running Ray cluster; else one is started here.")
]


@dataclass(frozen=True)
class Division:
    """How the set is divided, and who embeds the parts."""

    shard: ShardOption = ""
    shards: Shards = 1
    engine: Engine = "local"
    address: Address = None


@takes(division=Division, options=embed_options, output=output_options)
def embed(
    model: Model,
    images: Images,
    out: Out,
    *,
    division: Division,
    captions: Captions = False,
    scales: Scales = "1",
    options: EmbedOptions,
    on_bad_image: OnBadImage = "fail",
    offline: Offline = False,
    output: Output,
) -> None:
    """Embed a set in shards; what is there and whole is kept, so run it again after a failure.

    `rankzoo index assemble` makes an index of the shards.
    """
    from zoo.embedding.cluster import Cluster, Job, embed_here, embed_on_ray
    from zoo.embedding.shards import shards_of
    from zoo.embedding.sizes import parse_scales
    from zoo.tasks import load

    job = Job(
        load,
        model,
        images.absolute(),
        modality="captions" if captions else "images",
        scales=parse_scales(scales),
        options=options,
        offline=offline,
        on_bad_image=on_bad_image,
    )
    parts = shards_of(division.shard, division.shards)
    if division.engine == "ray":
        if division.shard:
            raise UsageError("--shard and --engine ray exclude each other", "give --shards N")
        cluster = Cluster.fit_for(job, division.address)
        done = embed_on_ray(out.absolute(), parts, job, cluster, output.track)
    else:
        here = replace(job, options=replace(options, track=output.track))
        done = embed_here(out.absolute(), parts, here, output.track)
    value = {"out": str(out), "shards": len(parts), **done}
    output.result(value, lambda: f"{done['done']} shards embedded, {done['kept']} kept, in {out}")
