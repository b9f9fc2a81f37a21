"""`rankzoo index build`: images or captions become an index."""

from typing import Annotated

import typer

from cli.index.inputs import load, read
from cli.index.options import Captions, Images, Kind, Like, Refine
from cli.index.show import facts, listing, summary
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

Splits = Annotated[
    list[str] | None, typer.Option("--split", help="Only this split; may be given again.")
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
    """Embed images (or captions) and make an index of them.

    With --recall, --memory or --latency-ms (any of them), kinds are built, measured and chosen.
    """
    from rich.console import Group

    from cli.output import Output
    from zoo.device import pick_device
    from zoo.embedding.sizes import parse_scales
    from zoo.files import refuse_to_overwrite
    from zoo.index import Index, Plan
    from zoo.index.candidates import candidates
    from zoo.index.estimate import building_cost
    from zoo.index.identity import at_scales, reference
    from zoo.index.measure import Wish
    from zoo.index.sources import Means, dim_of
    from zoo.index.tune import parse_bytes

    output = Output(json, quiet)
    refuse_to_overwrite(out)
    dataset = read(images, on_bad_image)
    if split:
        dataset = dataset.split(*split)
    embedder = at_scales(load(model, offline), parse_scales(scales))
    wish = Wish(recall, parse_bytes(memory) if memory else None, latency_ms)
    plan, modality = Plan(kind, refine), "captions" if captions else "images"
    if dry_run:
        plans = candidates(len(dataset), dim_of(embedder)) if wish != Wish() else [plan]
        cost = building_cost(embedder, dataset, modality, plans, Means(batch_size))
        output.result(cost, lambda: Group(facts(cost), listing(cost["candidates"])))
        return
    index = Index.build(
        out,
        embedder,
        dataset,
        name=reference(model),
        modality=modality,
        plan=plan,
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
