"""`rankzoo eval`: measure a model, or two against each other."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cli.flags import takes
from cli.idle import refuse_idle
from cli.options import (
    Alpha,
    Data,
    Expand,
    Offline,
    OnBadImage,
    Rerank,
    Scales,
    Seed,
    embed_options,
    given,
    typed,
)
from cli.output import Output, output_options
from zoo.embedding.options import EmbedOptions
from zoo.evaluation.options import (
    EvalOptions,
    InputOptions,
    LandmarkOptions,
    RefineOptions,
    ReportOptions,
)
from zoo.search.options import ALPHA, parse_reranking

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
    str, typer.Option("--text-model", help="Captions: another text encoder than the run's own.")
]
Distractors = Annotated[
    Path | None, typer.Option(help="Landmarks: folder with a folder of images per shard.")
]
QueryImage = Annotated[
    Literal["crop", "whole"] | None,
    typer.Option(help="Landmarks: cut queries to their boxes or not; default crop."),
]
ImageSize = Annotated[
    int | None, typer.Option(min=32, help="Whole images, longer side N pixels, without a crop.")
]
WhitenOn = Annotated[
    Path | None, typer.Option(help="Learn whitening on this data (hf:owner/name too).")
]
Whitening = Annotated[
    Path | None, typer.Option(help="Whitening to apply, or to save with --whiten-on.")
]
WhiteningDim = Annotated[int | None, typer.Option(min=1, help="Dimensions that whitening keeps.")]
WhitenBy = Annotated[
    Literal["pca", "pairs"],
    typer.Option(help="Learn it by PCA or from pairs of a label (Lw of the landmark papers)."),
]
Augment = Annotated[
    int, typer.Option(min=0, help="Move gallery vectors towards N neighbours (DBA).")
]


def input_options(image_size: ImageSize = None, scales: Scales = "1") -> InputOptions:
    """Return how images become input."""
    from zoo.embedding.sizes import parse_scales

    return InputOptions(image_size, parse_scales(scales))


def whitening_options(
    whiten_on: WhitenOn = None,
    whitening: Whitening = None,
    whitening_dim: WhiteningDim = None,
    whiten_by: WhitenBy = "pca",
) -> RefineOptions:
    """Return how embeddings are whitened."""
    return RefineOptions(whiten_on, whitening, whitening_dim, whiten_by)


@takes(whitened=whitening_options)
def refine_options(
    *,
    whitened: RefineOptions,
    augment: Augment = 0,
    expand: Expand = 0,
    alpha: Alpha = ALPHA,
    rerank: Rerank = "0",
) -> RefineOptions:
    """Return what is done to embeddings before and after ranking."""
    reranking = parse_reranking(rerank)
    return replace(
        whitened, augmentation=augment, expansion=expand, alpha=alpha, reranking=reranking
    )


def landmark_options(
    distractors: Distractors = None, query_image: QueryImage = None
) -> LandmarkOptions:
    """Return how the landmark benchmarks are measured."""
    return LandmarkOptions(distractors, query_image)


def question_options(
    protocol: ProtocolName = "",
    split: Split = "",
    seed: Seed = 0,
    text_model: TextModel = "",
    embeddings: Embeddings = None,
) -> dict[str, Any]:
    """Return what is measured, as fields of `EvalOptions`."""
    return {
        "protocol": protocol,
        "split": split,
        "seed": seed,
        "text_model": text_model,
        "embeddings": embeddings,
    }


def source_options(
    data: Data, on_bad_image: OnBadImage = "fail", offline: Offline = False
) -> dict[str, Any]:
    """Return what is read, as fields of `EvalOptions`."""
    return {"data": data, "on_bad_image": on_bad_image, "offline": offline}


@takes(images=input_options, landmarks=landmark_options, embed=embed_options)
def embedding_options(
    *, images: InputOptions, landmarks: LandmarkOptions, embed: EmbedOptions
) -> dict[str, Any]:
    """Return how images are embedded, as fields of `EvalOptions`."""
    return {"input": images, "landmarks": landmarks, "embed": embed}


@takes(
    source=source_options,
    question=question_options,
    refine=refine_options,
    embedding=embedding_options,
)
def eval_options(
    *,
    source: dict[str, Any],
    question: dict[str, Any],
    refine: RefineOptions,
    embedding: dict[str, Any],
) -> EvalOptions:
    """Return what is to be measured, and how."""
    return EvalOptions(refine=refine, **source, **question, **embedding)


def model_names(model: Name, other: Other = None) -> list[str]:
    """Return the models that are measured."""
    return [model, *([other] if other else [])]


def report_options(
    confidence: Confidence = False, report: Report = None, save: Save = False
) -> ReportOptions:
    """Return what becomes of the result."""
    return ReportOptions(confidence, report, save, typed())


@takes(models=model_names, options=eval_options, told=report_options, output=output_options)
def evaluate(
    context: typer.Context,
    *,
    models: list[str],
    options: EvalOptions,
    told: ReportOptions,
    output: Output,
) -> None:
    """Measure a model on your data, and say under which protocol."""
    from zoo.tasks import named, task_of_models

    task = task_of_models(models, offline=options.offline)
    task.check("eval", [*given(context), *(["OTHER"] if len(models) > 1 else [])])
    refuse_idle(context)
    from zoo.hub.image_sets import bring

    task.check_data(options.data)
    how: Any = {"offline": options.offline, "track": output.track}
    found, refine = bring(options.data, **how), options.refine
    if refine.whiten_on is not None:
        refine = replace(refine, whiten_on=bring(refine.whiten_on, **how).path)
    told = replace(told, command=told.command.replace(str(options.data), found.name))
    embed = replace(options.embed, track=output.track)
    options = replace(options, data=found.path, refine=refine, embed=embed)
    session = named(task.evaluate)(models, options, told)
    output.result(session.as_json(), human=session.table)
