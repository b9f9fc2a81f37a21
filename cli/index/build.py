"""`rankzoo index build`: images or captions become an index."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.division import Apart, division_options
from cli.flags import takes
from cli.idle import refuse_idle
from cli.index.inputs import Input
from cli.index.options import Captions, Like, plan_options
from cli.index.show import facts, listing, summary
from cli.options import DryRun, Model, Offline, Out, Scales, embed_options, given
from cli.output import Output, output_options
from zoo.embedding.options import EmbedOptions
from zoo.errors import UsageError
from zoo.index.layout import Plan
from zoo.index.target import Target, parse_bytes

if TYPE_CHECKING:
    from zoo.embedding.cluster import Division
    from zoo.index.assembling import AssembleOptions
    from zoo.index.options import IndexOptions

Recall = Annotated[
    float | None, typer.Option("--recall", min=0, max=1, help="Recall@10 wanted, e.g. 0.95.")
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


def target_options(
    recall: Recall = None, memory: Memory = None, latency_ms: Latency = None
) -> Target | None:
    """Return what is asked of the index, None when nothing is."""
    target = Target(recall, parse_bytes(memory) if memory else None, latency_ms)
    return target if target != Target() else None


def whitening_options(whiten: Whiten = False, whitening_dim: WhiteningDim = None) -> dict[str, Any]:
    """Return how embeddings are whitened, as fields of `IndexOptions`."""
    return {"whiten": whiten, "whitening_dim": whitening_dim}


@takes(plan=plan_options, whitening=whitening_options)
def layout_options(*, plan: Plan, like: Like = None, whitening: dict[str, Any]) -> dict[str, Any]:
    """Return how vectors are kept, as fields of `IndexOptions` and `AssembleOptions`."""
    return {"plan": plan, "like": like, **whitening}


def vector_options(captions: Captions = False, scales: Scales = "1") -> dict[str, Any]:
    """Return what is embedded, as fields of `IndexOptions`."""
    from zoo.embedding.sizes import parse_scales

    return {"modality": "captions" if captions else "images", "scales": parse_scales(scales)}


@takes(vectors=vector_options, layout=layout_options, target=target_options, embed=embed_options)
def index_options(
    *,
    vectors: dict[str, Any],
    layout: dict[str, Any],
    target: Target | None,
    embed: EmbedOptions,
) -> "IndexOptions":
    """Return how the index is made."""
    from zoo.index.options import IndexOptions

    return IndexOptions(target=target, embed=embed, **vectors, **layout)


def in_shards(options: "IndexOptions", division: "Division") -> "AssembleOptions":
    """Return how an index is made of shards.

    Raises:
        UsageError: it would have to be tuned, which takes all vectors.
    """
    from zoo.index.assembling import AssembleOptions

    if options.target is not None:
        hint = "tune an index of a few of the images, and give the --kind it chose"
        raise UsageError("--recall, --memory and --latency-ms take all of a set's vectors", hint)
    return AssembleOptions(
        options.plan,
        options.like,
        options.whiten,
        options.whitening_dim,
        division.apart,
        division.cluster,
        options.embed.track,
    )


@dataclass(frozen=True)
class Made:
    """Of which model an index is made, and where."""

    model: Model
    out: Out
    dry_run: DryRun = False
    offline: Offline = False


@takes(division=division_options, options=index_options)
def making(
    *, division: "Division", apart: Apart = False, options: "IndexOptions"
) -> "tuple[IndexOptions, Division]":
    """Return how an index is made, and by whom."""
    return options, replace(division, apart=apart)


@takes(made=Made, images=Input, how=making, output=output_options)
def build(
    context: typer.Context,
    *,
    made: Made,
    images: Input,
    how: "tuple[IndexOptions, Division]",
    output: Output,
) -> None:
    """Embed images (or captions) and make an index of them.

    With --recall, --memory or --latency-ms (any of them), kinds are built, measured and chosen.
    """
    from rich.console import Group

    from zoo.embedding.cluster import is_divided
    from zoo.embedding.identity import reference
    from zoo.files import refuse_to_overwrite
    from zoo.index.estimate import building_cost
    from zoo.tasks import find_model, load

    options, division = how
    task, folder = find_model(made.model, offline=made.offline)
    task.check("index build", given(context))
    refuse_idle(context)
    divide = is_divided(images.images, division)
    if division.apart and not divide:
        raise UsageError("--apart says nothing of one shard", "add --shards N, or --engine ray")
    if divide:
        in_shards(options, division)  # what shards have no use for is refused before a dry run too
    refuse_to_overwrite(made.out)
    embed = replace(options.embed, track=output.track)
    options = replace(options, name=reference(made.model), embed=embed)
    if made.dry_run:
        if embed.runtime != "torch":
            output.log("the seconds of embedding are torch's, whatever --runtime says")
        if divide:
            output.log("the seconds are those of one process, however the set is divided")
        cost = building_cost(load(folder, offline=made.offline), images.read(made.offline), options)
        output.result(cost, lambda: Group(facts(cost), listing(cost["candidates"])))
        return
    info = _built(made, folder, images, options, division)
    value = {"index": str(made.out), **summary(info), "tuning": info["tuning"]}
    output.result(value, lambda: Group(facts(info), listing(info["tuning"])))


def _built(
    made: Made, folder: str, images: Input, options: "IndexOptions", division: "Division"
) -> dict[str, Any]:
    """Make the index, of shards where it is divided, and return what is in it."""
    from zoo.embedding.cluster import is_divided
    from zoo.index import Index
    from zoo.index.assembling import build_divided
    from zoo.progress import silent
    from zoo.tasks import load

    if not is_divided(images.images, division):
        model = load(folder, offline=made.offline)
        return Index.build(made.out, model, images.read(made.offline), options).info()
    asked: dict[str, Any] = {"captions": options.modality == "captions"}
    asked |= {"scales": options.scales, "offline": made.offline}
    job = images.job(made.model, replace(options.embed, track=silent), **asked)
    shards = in_shards(options, division)
    return build_divided(made.out.absolute(), job, division, shards).info()
