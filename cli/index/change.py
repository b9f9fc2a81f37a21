"""`rankzoo index add|remove|compact`: change what an index holds."""

from typing import Annotated

import typer

from cli.index.inputs import load, read
from cli.index.options import Folder, Images, OwnModel, Where
from cli.index.show import facts
from cli.options import BatchSize, Device, Json, Offline, OnBadImage, Quiet, Workers


def add(
    index: Folder,
    images: Images,
    model: OwnModel = "",
    batch_size: BatchSize = 64,
    workers: Workers = 0,
    device: Device = "auto",
    on_bad_image: OnBadImage = "fail",
    offline: Offline = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add what is new and replace what has changed; the rest is not embedded again."""
    from dataclasses import asdict

    from cli.output import Output
    from zoo.device import pick_device
    from zoo.index import Index
    from zoo.index.identity import as_indexed

    output = Output(json, quiet)
    opened = Index.open(index)
    dataset = read(images, on_bad_image)
    identity = opened.manifest.model
    done = opened.add(
        as_indexed(load(model or identity.name, offline), identity),
        dataset,
        batch_size=batch_size,
        workers=workers,
        device=pick_device(device),
        track=output.track,
    )
    output.result({**asdict(done), "count": len(opened)}, lambda: facts(asdict(done)))


def remove(
    index: Folder,
    ids: Annotated[list[int] | None, typer.Option("--id", help="Id of an item.")] = None,
    paths: Annotated[list[str] | None, typer.Option("--path", help="Path of an image.")] = None,
    where: Where = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove items by id, path or condition; `compact` gives their space back."""
    from cli.output import Output
    from zoo.errors import UsageError
    from zoo.index import Index

    if not ids and not paths and where is None:
        raise UsageError("nothing to remove", "give --id, --path or --where")
    opened = Index.open(index)
    removed = opened.remove(ids=ids or (), paths=paths or (), where=where)
    result = {"removed": removed, "count": len(opened)}
    Output(json, quiet).result(result, lambda: facts(result))


def compact(index: Folder, json: Json = False, quiet: Quiet = False) -> None:
    """Rewrite the index as one piece, without the removed items."""
    from cli.output import Output
    from zoo.index import Index

    opened = Index.open(index)
    before = opened.info()["bytes"]
    opened.compact()
    value = {"count": len(opened), "bytes_before": before, "bytes": opened.info()["bytes"]}
    Output(json, quiet).result(value, lambda: facts(value))
