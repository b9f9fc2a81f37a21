"""`rankzoo serve`: a search page and an HTTP API over indexes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.index.options import OwnModel
from cli.options import Device, Json, Offline, Quiet

if TYPE_CHECKING:
    from torch import nn

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


def serve(
    indexes: Folders,
    host: Host = "127.0.0.1",
    port: Port = 8642,
    token_file: TokenFile = None,
    host_name: HostNames = None,
    images: Images = None,
    detector: DetectorName = "",
    max_upload_mb: MaxUpload = 20,
    max_megapixels: MaxPixels = 50,
    max_k: MaxK = 1_000,
    rate: Rate = 20,
    timeout: Timeout = 30,
    batch_size: Batch = 32,
    model: OwnModel = "",
    device: Device = "auto",
    offline: Offline = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Serve a search page and an HTTP API until Ctrl-C."""
    from cli.output import Output
    from zoo.device import pick_device
    from zoo.serve.extra import check_installed
    from zoo.serve.settings import Limits, Settings, check_door, read_token

    output = Output(json, quiet)
    check_installed()
    token = read_token(token_file)
    check_door(host, token)
    limits = Limits(
        upload_bytes=max_upload_mb * 1_000_000,
        pixels=max_megapixels * 1_000_000,
        k=max_k,
        rate=rate,
        seconds=timeout,
        batch=batch_size,
    )
    settings = Settings(host, port, token, tuple(host_name or ()), tuple(images or ()), limits)
    where = pick_device(device)

    def load(name: str) -> "nn.Module":
        from zoo.tasks import load as load_model

        return load_model(name, offline=offline, device=where)

    from zoo.serve.run import open_service
    from zoo.serve.run import serve as run
    from zoo.tasks import task_of_model

    for name, option in ((model, "--model"), (detector, "--detector")):
        if name:
            task_of_model(name, offline=offline).check(f"serve {option}", [])
    service = open_service(indexes, settings, load, model=model, detector=detector, offline=offline)
    names = list(service.library.served)

    def ready(address: str) -> None:
        output.result({"url": address, "indexes": names}, lambda: f"{', '.join(names)}: {address}")

    run(service, ready)
