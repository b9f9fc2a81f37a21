"""`rankzoo index …`: build, change, check and look into an index."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.options import (
    BatchSize,
    Device,
    DryRun,
    Json,
    Model,
    Offline,
    OnBadImage,
    Out,
    Quiet,
    Scales,
    Workers,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from torch import nn

    from zoo.data.catalogue import Catalogue

app = typer.Typer(
    name="index", no_args_is_help=True, help="Build, change, check and look into an index."
)

Folder = Annotated[Path, typer.Argument(metavar="IDX", help="The index folder.")]
Images = Annotated[
    Path,
    typer.Option("--images", "--data", help="Folder of pictures, or a .csv/.jsonl manifest."),
]
OwnModel = Annotated[
    str, typer.Option("--model", help="The index's model, if it is not where it was.")
]
Splits = Annotated[
    list[str] | None, typer.Option("--split", help="Only this split; may be given again.")
]
Captions = Annotated[bool, typer.Option("--captions", help="Index the captions, not the pictures.")]
Kind = Annotated[str, typer.Option("--kind", help="faiss kind: Flat, HNSW32, IVF1024,PQ64x4fs…")]
Refine = Annotated[int, typer.Option("--refine", min=0, help="Re-rank k times this many exactly.")]
Like = Annotated[
    Path | None, typer.Option("--like", help="Index whose trained codes to share (for merge).")
]
Recall = Annotated[
    float | None, typer.Option("--recall", min=0, max=1, help="Recall@10 wished, e.g. 0.95.")
]
Memory = Annotated[str | None, typer.Option("--memory", help="Memory at most, e.g. 2GB.")]
Latency = Annotated[
    float | None, typer.Option("--latency-ms", min=0, help="Milliseconds of a query at most.")
]
Whiten = Annotated[
    bool, typer.Option("--whiten", help="Learn PCA whitening from the embeddings; keep it.")
]
WhiteningDim = Annotated[
    int | None, typer.Option("--whitening-dim", min=1, help="Dimensions that whitening keeps.")
]
Where = Annotated[
    str | None, typer.Option("--where", help="SQL condition: label = 'cat' and year > 2010.")
]


@app.command()
def build(
    model: Model,
    images: Images,
    out: Out,
    split: Splits = None,
    captions: Captions = False,
    kind: Kind = "Flat",
    refine: Refine = 0,
    recall: Recall = None,
    memory: Memory = None,
    latency_ms: Latency = None,
    like: Like = None,
    whiten: Whiten = False,
    whitening_dim: WhiteningDim = None,
    scales: Scales = "1",
    dry_run: DryRun = False,
    batch_size: BatchSize = 64,
    workers: Workers = 0,
    device: Device = "auto",
    on_bad_image: OnBadImage = "fail",
    offline: Offline = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Embed pictures (or captions) and make an index of them.

    With --recall, --memory or --latency-ms (any of them), kinds are built, measured and chosen.
    """
    from rich.console import Group

    from cli.output import Output
    from zoo.evaluation.sizes import parse_scales
    from zoo.files import refuse_to_overwrite
    from zoo.index import Index, Plan
    from zoo.index.candidates import candidates, described
    from zoo.index.estimate import building_seconds, embedding_seconds
    from zoo.index.identity import at_scales, reference
    from zoo.index.measure import Wish
    from zoo.index.sources import Means, dim_of
    from zoo.index.tune import SAMPLE, parse_bytes
    from zoo.models.device import pick_device

    output = Output(json, quiet)
    refuse_to_overwrite(out)
    catalogue = read(images, on_bad_image)
    if split:
        catalogue = catalogue.split(*split)
    embedder = at_scales(load(model, offline), parse_scales(scales))
    wish = Wish(recall, parse_bytes(memory) if memory else None, latency_ms)
    modality = "captions" if captions else "images"
    if dry_run:
        count, dim = len(catalogue), dim_of(embedder)
        plans = candidates(count, dim) if wish != Wish() else [Plan(kind, refine)]
        sample = count if wish == Wish() else min(count, SAMPLE)
        builds = [building_seconds(plan.kind, sample, dim) for plan in plans]
        embed_s = embedding_seconds(embedder, catalogue, modality, Means(batch_size))
        value: dict[str, Any] = {"count": count, "embed_s": embed_s}
        value["seconds"] = embed_s + sum(builds)
        rows = [
            {**described(plan, count, dim), "build_s": seconds}
            for plan, seconds in zip(plans, builds, strict=True)
        ]
        output.result({**value, "candidates": rows}, lambda: Group(facts(value), listing(rows)))
        return
    index = Index.build(
        out,
        embedder,
        catalogue,
        name=reference(model),
        modality=modality,
        plan=Plan(kind, refine),
        wish=wish if wish != Wish() else None,
        like=like,
        whiten=whiten or whitening_dim is not None,
        whitening_dim=whitening_dim,
        batch_size=batch_size,
        workers=workers,
        device=pick_device(device),
        track=output.track,
    )
    value = {"index": str(out), **summary(index.info()), "tuning": index.info()["tuning"]}
    output.result(value, lambda: Group(facts(index.info()), listing(index.info()["tuning"])))


@app.command()
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
    from zoo.index import Index
    from zoo.index.identity import as_indexed
    from zoo.models.device import pick_device

    output = Output(json, quiet)
    opened = Index.open(index)
    catalogue = read(images, on_bad_image)
    identity = opened.manifest.model
    done = opened.add(
        as_indexed(load(model or identity.name, offline), identity),
        catalogue,
        batch_size=batch_size,
        workers=workers,
        device=pick_device(device),
        track=output.track,
    )
    output.result({**asdict(done), "count": len(opened)}, lambda: facts(asdict(done)))


@app.command()
def remove(
    index: Folder,
    ids: Annotated[list[int] | None, typer.Option("--id", help="Id of an item.")] = None,
    paths: Annotated[list[str] | None, typer.Option("--path", help="Path of a picture.")] = None,
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


@app.command()
def info(index: Folder, json: Json = False, quiet: Quiet = False) -> None:
    """Show counts, model, plan, tuning table and history."""
    from cli.output import Output
    from zoo.index import Index

    value = Index.open(index).info()
    Output(json, quiet).result({**value, "ok": True}, lambda: facts(value))


@app.command()
def verify(index: Folder, json: Json = False, quiet: Quiet = False) -> None:
    """Read every file and compare it with its sha256."""
    from cli.output import Output
    from zoo.index import Index

    output = Output(json, quiet)
    opened = Index.open(index, trust_seen=False)
    value = {**summary(opened.info()), "bytes": opened.verify(output.track), "ok": True}
    output.result(value, lambda: facts(value))


@app.command()
def compact(index: Folder, json: Json = False, quiet: Quiet = False) -> None:
    """Rewrite the index as one piece, without the removed items."""
    from cli.output import Output
    from zoo.index import Index

    opened = Index.open(index)
    before = opened.info()["bytes"]
    opened.compact()
    value = {"count": len(opened), "bytes_before": before, "bytes": opened.info()["bytes"]}
    Output(json, quiet).result(value, lambda: facts(value))


@app.command()
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
    from zoo.index.shards import assemble as assemble_shards

    index = assemble_shards(out, embedded, plan=Plan(kind, refine), like=like)
    value = {"index": str(out), **summary(index.info())}
    Output(json, quiet).result(value, lambda: facts(value))


@app.command()
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


def read(images: Path, on_bad_image: Literal["fail", "skip"]) -> "Catalogue":
    """Read a catalogue whose pictures need no label."""
    from zoo.data.catalogue import read_catalogue

    return read_catalogue(images, on_bad_image=on_bad_image, require_labels=False)


def load(name: str, offline: bool) -> "nn.Module":
    """Load the model of an index, or one it may be."""
    from zoo.errors import UsageError
    from zoo.loading import load as load_model

    if not name:
        raise UsageError("the index does not say where its model is", "give --model")
    return load_model(name, offline=offline)


def summary(value: dict[str, Any]) -> dict[str, Any]:
    """The keys that scripts rely on."""
    return {key: value[key] for key in ("count", "dim", "kind", "model")}


def listing(rows: list[dict[str, Any]]) -> "RenderableType":
    """A table with one line a row."""
    from rich.table import Table

    table = Table(*(name.replace("_", " ") for name in (rows[0] if rows else ())), box=None)
    for row in rows:
        table.add_row(*(f"{v:,.4g}" if isinstance(v, float) else str(v) for v in row.values()))
    return table


def facts(value: dict[str, Any]) -> "RenderableType":
    """A two-column table; lists of rows become their length."""
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for name, entry in value.items():
        rows = isinstance(entry, list) and entry and isinstance(entry[0], dict)
        shown = len(entry) if rows else ", ".join(entry) if isinstance(entry, list) else entry
        table.add_row(name.replace("_", " "), str(shown))
    return table
