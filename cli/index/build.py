"""`rankzoo index build`: images or captions become an index."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.cluster import division_options
from cli.flags import takes
from cli.index.inputs import Input, load
from cli.index.options import Captions, Like, plan_options
from cli.index.show import facts, listing, summary
from cli.options import DryRun, Model, Offline, Out, Scales, embed_options, given
from cli.output import Output, output_options
from zoo.embedding.options import EmbedOptions
from zoo.errors import UsageError
from zoo.index.layout import Plan
from zoo.index.wish import Wish, parse_bytes

if TYPE_CHECKING:
    from zoo.embedding.cluster import Division
    from zoo.index.assembling import AssembleOptions
    from zoo.index.options import IndexOptions

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


def wish_options(
    recall: Recall = None, memory: Memory = None, latency_ms: Latency = None
) -> Wish | None:
    """Return what is asked of the index, None when nothing is."""
    wish = Wish(recall, parse_bytes(memory) if memory else None, latency_ms)
    return wish if wish != Wish() else None


def whitening_options(whiten: Whiten = False, whitening_dim: WhiteningDim = None) -> dict[str, Any]:
    """Return how embeddings are whitened, as fields of `IndexOptions`."""
    return {"whiten": whiten, "whitening_dim": whitening_dim}


@takes(plan=plan_options, wish=wish_options, whitening=whitening_options, embed=embed_options)
def index_options(
    captions: Captions = False,
    *,
    plan: Plan,
    wish: Wish | None,
    like: Like = None,
    whitening: dict[str, Any],
    scales: Scales = "1",
    embed: EmbedOptions,
) -> "IndexOptions":
    """Return how the index is made."""
    from zoo.embedding.sizes import parse_scales
    from zoo.index.options import IndexOptions

    return IndexOptions(
        modality="captions" if captions else "images",
        plan=plan,
        scales=parse_scales(scales),
        wish=wish,
        like=like,
        embed=embed,
        **whitening,
    )


def in_shards(options: "IndexOptions", division: "Division") -> "AssembleOptions":
    """Return how an index is made of shards.

    Raises:
        UsageError: it would have to be tuned, which takes all vectors.
    """
    from zoo.index.assembling import AssembleOptions

    if options.wish is not None:
        hint = "tune an index of a few of the images, and give the --kind it chose"
        raise UsageError("--recall, --memory and --latency-ms take all of a set's vectors", hint)
    return AssembleOptions(
        options.plan,
        options.like,
        options.whiten,
        options.whitening_dim,
        division.cluster,
        options.embed.track,
    )


@takes(images=Input, division=division_options, options=index_options, output=output_options)
def build(
    context: typer.Context,
    model: Model,
    images: Input,
    out: Out,
    *,
    division: "Division",
    options: "IndexOptions",
    dry_run: DryRun = False,
    offline: Offline = False,
    output: Output,
) -> None:
    """Embed images (or captions) and make an index of them.

    With --recall, --memory or --latency-ms (any of them), kinds are built, measured and chosen.
    """
    from rich.console import Group

    from zoo.embedding.cluster import is_divided
    from zoo.embedding.identity import reference
    from zoo.files import refuse_to_overwrite
    from zoo.index import Index
    from zoo.index.assembling import build_divided
    from zoo.index.estimate import building_cost
    from zoo.progress import silent
    from zoo.tasks import task_of_model

    task_of_model(model, offline=offline).check("index build", given(context))
    refuse_to_overwrite(out)
    embed = replace(options.embed, track=output.track)
    options = replace(options, name=reference(model), embed=embed)
    if dry_run:
        cost = building_cost(load(model, offline), images.read(), options)
        output.result(cost, lambda: Group(facts(cost), listing(cost["candidates"])))
        return
    if is_divided(images.images, division):
        how: dict[str, Any] = {"captions": options.modality == "captions", "scales": options.scales}
        job = images.job(model, replace(embed, track=silent), offline=offline, **how)
        info = build_divided(out.absolute(), job, division, in_shards(options, division)).info()
    else:
        info = Index.build(out, load(model, offline), images.read(), options).info()
    value = {"index": str(out), **summary(info), "tuning": info["tuning"]}
    output.result(value, lambda: Group(facts(info), listing(info["tuning"])))
