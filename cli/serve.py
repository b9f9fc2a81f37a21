"""`rankzoo serve`: a search page and an HTTP API over indexes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.cluster import cluster_options
from cli.flags import takes
from cli.index.options import OwnModel
from cli.options import Device, Offline
from cli.output import Output, output_options
from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.cluster import Cluster
    from zoo.index.reader import Reader
    from zoo.serve.models import Models
    from zoo.serve.settings import Limits, Settings
    from zoo.serve.spread import Spread

Folders = Annotated[list[Path], typer.Argument(metavar="IDX...", help="Index folders.")]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", help="File with the token clients must show.")
]
HostNames = Annotated[
    list[str] | None, typer.Option("--host-name", help="Another name this server goes by.")
]
Images = Annotated[
    list[Path] | None,
    typer.Option("--pictures", help="Another folder the indexes' images may lie in."),
]
DetectorName = Annotated[
    str, typer.Option("--detector", help="Detection model that draws boxes in images sent.")
]
MaxUpload = Annotated[
    int, typer.Option("--max-upload-mb", min=1, help="Largest image sent, megabytes.")
]
MaxPixels = Annotated[
    int, typer.Option("--max-megapixels", min=1, help="Most pixels of an image, millions.")
]
MaxK = Annotated[int, typer.Option("--max-k", min=1, help="Most hits of a search.")]
Rate = Annotated[
    float, typer.Option("--rate", min=0, help="Searches a second and client; 0: no limit.")
]
Timeout = Annotated[float, typer.Option("--timeout", min=1, help="Seconds a request may take.")]
Batch = Annotated[
    int, typer.Option("--batch-size", min=1, help="Queries of one forward pass, at most.")
]


ShardCount = Annotated[
    int, typer.Option("--shards", min=1, help="Shards that an index's segments are spread over.")
]
Replicas = Annotated[int, typer.Option("--replicas", min=1, help="Processes of each shard.")]


@dataclass(frozen=True)
class Door:
    """Where the server listens, who may come in, and what else it shows."""

    host: Host = "127.0.0.1"
    port: Port = 8642
    token_file: TokenFile = None
    host_name: HostNames = None
    images: Images = None


def model_options(
    model: OwnModel = "",
    detector: DetectorName = "",
    device: Device = "auto",
    offline: Offline = False,
) -> "Models":
    """Return what answers, and where.

    Raises:
        UsageError: the extra is missing, or a model is of a task that is not served.
    """
    from zoo.serve.extra import check_installed

    check_installed()
    from zoo.device import pick_device
    from zoo.serve.models import Models

    models = Models(model, detector, str(pick_device(device)), offline)
    models.check()
    return models


def limit_options(
    max_upload_mb: MaxUpload = 20,
    max_megapixels: MaxPixels = 50,
    max_k: MaxK = 1_000,
    rate: Rate = 20,
    timeout: Timeout = 30,
) -> "Limits":
    """Return what a client may ask for."""
    from zoo.serve.settings import Limits

    return Limits(
        upload_bytes=max_upload_mb * 1_000_000,
        pixels=max_megapixels * 1_000_000,
        k=max_k,
        rate=rate,
        seconds=timeout,
    )


@takes(door=Door, limits=limit_options)
def setting_options(*, door: Door, limits: "Limits", batch_size: Batch = 32) -> "Settings":
    """Return where the server listens, and to whom.

    Raises:
        UsageError: an address that others reach needs a token, a token cannot be read, or a folder
            is not there.
    """
    from zoo.serve.settings import Settings, check_door, check_pictures, read_token

    token = read_token(door.token_file)
    check_door(door.host, token)
    check_pictures(door.images or ())
    names, folders = tuple(door.host_name or ()), tuple(door.images or ())
    limits = replace(limits, batch=batch_size)
    return Settings(door.host, door.port, token, names, folders, limits)


@takes(cluster=cluster_options)
def spread_options(
    shards: ShardCount = 1, replicas: Replicas = 1, *, cluster: "Cluster | None"
) -> "Spread | None":
    """Return how searches are spread over a cluster, None for this process.

    Raises:
        UsageError: shards without a cluster, or GPUs for them.
    """
    if cluster is None:
        if (shards, replicas) != (1, 1):
            hint = "add --engine ray"
            raise UsageError("--shards and --replicas say nothing without a cluster", hint)
        return None
    if cluster.gpus:
        raise UsageError("shards search on CPUs", "leave --gpus out")
    from zoo.serve.spread import Spread

    return Spread(cluster, shards, replicas)


@takes(settings=setting_options, models=model_options, how=spread_options, output=output_options)
def serve(
    indexes: Folders,
    *,
    settings: "Settings",
    models: "Models",
    how: "Spread | None",
    output: Output,
) -> None:
    """Serve a search page and an HTTP API until Ctrl-C."""
    from zoo.index.reader import Reader
    from zoo.serve.run import open_service
    from zoo.serve.run import serve as run

    def start(open_reader: "Callable[[Path], Reader]") -> None:
        service = open_service(indexes, settings, models, open_reader)
        served = list(service.library.served)
        text = ", ".join(served)

        def ready(address: str) -> None:
            output.result({"url": address, "indexes": served}, lambda: f"{text}: {address}")

        run(service, ready)

    if how is None:
        start(Reader.open)
        return
    from zoo.serve.spread import spread

    with spread(replace(how, seconds=settings.limits.seconds / 3)) as open_reader:
        start(open_reader)
