"""`rankzoo eval`: measure a model, or two against each other."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.options import (
    BatchSize,
    Data,
    Device,
    Json,
    Offline,
    OnBadImage,
    Quiet,
    Scales,
    Seed,
    Workers,
    given,
)
from cli.output import Output

Name = Annotated[str, typer.Argument(help="Card name, owner/name[@revision], or a local folder.")]
Other = Annotated[str | None, typer.Argument(help="A second model, compared query by query.")]
ProtocolName = Annotated[
    str, typer.Option("--protocol", help="sop, roxford, coco-5k …; by default what --data is.")
]
Split = Annotated[
    str,
    typer.Option(
        help="Search this split with its own images; `all`: everything. By default query against "
        "gallery, else test, else val, else the classes that training would hold out."
    ),
]
Confidence = Annotated[
    bool, typer.Option("--confidence", help="Add 95 % bootstrap intervals over queries.")
]
Report = Annotated[Path | None, typer.Option(help="Write a page with tables, curves, failures.")]
Save = Annotated[
    bool, typer.Option("--save", help="Keep the result in the run folder, for its card.")
]
Embeddings = Annotated[
    Path | None, typer.Option(help="Keep embeddings here; an interrupted run goes on.")
]
TextModel = Annotated[
    str, typer.Option("--text-model", help="Captions: the text encoder the images learned from.")
]
Distractors = Annotated[
    Path | None, typer.Option(help="Landmarks: folder with a folder of images per shard.")
]
QueryImage = Annotated[
    Literal["crop", "whole"], typer.Option(help="Landmarks: cut queries to their boxes or not.")
]
ImageSize = Annotated[
    int | None, typer.Option(min=32, help="Whole images, longer side N pixels, without a crop.")
]
WhitenOn = Annotated[Path | None, typer.Option(help="Learn PCA whitening on this data.")]
Whitening = Annotated[
    Path | None, typer.Option(help="Whitening to apply, or to save with --whiten-on.")
]
WhiteningDim = Annotated[int | None, typer.Option(min=1, help="Dimensions that whitening keeps.")]
Augment = Annotated[int, typer.Option(min=0, help="Move gallery vectors to N neighbours.")]
Expand = Annotated[int, typer.Option(min=0, help="Move queries to N neighbours.")]
Alpha = Annotated[float, typer.Option(min=0, help="Weigh neighbours by similarity^alpha.")]
Rerank = Annotated[bool, typer.Option("--rerank", help="k-reciprocal re-ranking.")]


def evaluate(
    context: typer.Context,
    model: Name,
    data: Data,
    other: Other = None,
    protocol: ProtocolName = "",
    split: Split = "",
    confidence: Confidence = False,
    report: Report = None,
    save: Save = False,
    image_size: ImageSize = None,
    scales: Scales = "1",
    whiten_on: WhitenOn = None,
    whitening: Whitening = None,
    whitening_dim: WhiteningDim = None,
    augment: Augment = 0,
    expand: Expand = 0,
    alpha: Alpha = 0.0,
    rerank: Rerank = False,
    text_model: TextModel = "",
    distractors: Distractors = None,
    query_image: QueryImage = "crop",
    embeddings: Embeddings = None,
    batch_size: BatchSize = 64,
    workers: Workers = 0,
    device: Device = "auto",
    seed: Seed = 0,
    on_bad_image: OnBadImage = "fail",
    offline: Offline = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a model on your data, and say under which protocol."""
    output = Output(as_json, quiet)
    from zoo.embedding.sizes import parse_scales
    from zoo.evaluation.options import Job
    from zoo.search.reranking import Reranking
    from zoo.tasks import named, task_of_model

    models = [model, *([other] if other else [])]
    for name in models:
        task = task_of_model(name, offline=offline)
        task.check("eval", [*given(context), *(["OTHER"] if other else [])])
    job = Job(
        data=data,
        protocol=protocol,
        split=split,
        seed=seed,
        batch_size=batch_size,
        workers=workers,
        device=device,
        on_bad_image=on_bad_image,
        offline=offline,
        text_model=text_model,
        embeddings=embeddings,
        distractors=distractors,
        query_image=query_image,
        whiten_on=whiten_on,
        whitening=whitening,
        whitening_dim=whitening_dim,
        augmentation=augment,
        expansion=expand,
        alpha=alpha,
        reranking=Reranking() if rerank else None,
        image_size=image_size,
        scales=parse_scales(scales),
    )
    session = named(task.evaluate)(
        models,
        job,
        confidence=confidence,
        report=report,
        save=save,
        command=shlex.join(["rankzoo", *sys.argv[1:]]),
        track=output.track,
    )
    output.result(session.as_json(), human=session.table)
