"""`rankzoo embed`: embeddings of a large set, in shards, on one machine, an array job or Ray."""

from typing import Annotated, Any, Literal

import typer

from cli.index.options import Captions, Images
from cli.options import BatchSize, Device, Json, Model, Offline, OnBadImage, Out, Quiet, Scales

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


def embed(
    model: Model,
    images: Images,
    out: Out,
    shard: ShardOption = "",
    shards: Shards = 1,
    engine: Engine = "local",
    address: Address = None,
    captions: Captions = False,
    scales: Scales = "1",
    batch_size: BatchSize = 64,
    device: Device = "auto",
    on_bad_image: OnBadImage = "fail",
    offline: Offline = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Embed a set in shards; what is there and whole is kept, so run it again after a failure.

    `rankzoo index assemble` makes an index of the shards.
    """
    from cli.output import Output
    from zoo.device import pick_device
    from zoo.embedding.sizes import parse_scales
    from zoo.errors import UsageError
    from zoo.index.cluster import embed_here, embed_on_ray
    from zoo.index.shards import Shard
    from zoo.tasks import load

    output = Output(json, quiet)
    job: dict[str, Any] = {
        "load": load,
        "model": model,
        "images": images.absolute(),
        "modality": "captions" if captions else "images",
        "scales": parse_scales(scales),
        "batch_size": batch_size,
        "device": pick_device(device),
        "on_bad_image": on_bad_image,
        "offline": offline,
    }
    parts = [Shard.parse(shard)] if shard else [Shard(n, shards) for n in range(shards)]
    if engine == "ray":
        if shard:
            raise UsageError("--shard and --engine ray exclude each other", "give --shards N")
        gpus = 1.0 if job["device"].startswith("cuda") else 0.0
        done = embed_on_ray(
            out.absolute(), shards, job, address=address, gpus_each=gpus, track=output.track
        )
    else:
        done = embed_here(out.absolute(), parts, job, track=output.track)
    value = {"out": str(out), "shards": len(parts), **done}
    output.result(value, lambda: f"{done['done']} shards embedded, {done['kept']} kept, in {out}")
