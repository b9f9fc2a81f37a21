"""`rankzoo index add|remove|compact`: change what an index holds."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from cli.flags import takes
from cli.index.inputs import Input, Opened
from cli.index.options import Folder, Where
from cli.index.show import facts
from cli.options import embed_options
from cli.output import Output, output_options
from zoo.embedding.options import EmbedOptions


@takes(source=Opened, images=Input, embed=embed_options, output=output_options)
def add(*, source: Opened, images: Input, embed: EmbedOptions, output: Output) -> None:
    """Add what is new and replace what has changed; the rest is not embedded again."""
    from zoo.embedding.identity import as_indexed
    from zoo.index import Index

    opened = Index.open(source.index)
    identity = opened.manifest.model
    embedder = as_indexed(source.load(identity.name)[0], identity)
    done = opened.add(embedder, images.read(source.offline), replace(embed, track=output.track))
    output.result({**asdict(done), "count": len(opened)}, lambda: facts(asdict(done)))


@takes(output=output_options)
def remove(
    index: Folder,
    ids: Annotated[list[int] | None, typer.Option("--id", help="Id of an item.")] = None,
    paths: Annotated[list[str] | None, typer.Option("--path", help="Path of an image.")] = None,
    where: Where = None,
    *,
    output: Output,
) -> None:
    """Remove items by id, path or condition; `compact` gives their space back."""
    from zoo.errors import UsageError
    from zoo.index import Index

    if not ids and not paths and where is None:
        raise UsageError("nothing to remove", "give --id, --path or --where")
    opened = Index.open(index)
    removed = opened.remove(ids=ids or (), paths=paths or (), where=where)
    result = {"removed": removed, "count": len(opened)}
    output.result(result, lambda: facts(result))


@takes(output=output_options)
def relocate(
    index: Folder,
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Where the images are now.")],
    *,
    output: Output,
) -> None:
    """Say where the images of an index are after their folder was moved."""
    from zoo.index import Index

    opened = Index.open(index)
    missing = opened.relocate(root)
    counts = {"count": len(opened), "missing": missing, "outside": opened.outside()}
    if counts["outside"]:
        output.log(f"{counts['outside']} items lie outside of the folder: they did not move")
    value = {"root": str(opened.root), **counts}
    output.result(value, lambda: facts(value))


@takes(output=output_options)
def compact(index: Folder, *, output: Output) -> None:
    """Rewrite the index as one piece, without the removed items."""
    from zoo.index import Index

    opened = Index.open(index)
    before = opened.info()["bytes"]
    opened.compact()
    value = {"count": len(opened), "bytes_before": before, "bytes": opened.info()["bytes"]}
    output.result(value, lambda: facts(value))
