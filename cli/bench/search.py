"""`rankzoo bench index|scale|serve|spread`: what searches."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bench.tables import facts, rows_table
from cli.flags import takes
from cli.options import Seed
from cli.output import Output, output_options
from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.benchmarks.scale import Scale
    from zoo.benchmarks.serve import Load, Served
    from zoo.benchmarks.spread import Spreading


PROBES = 16  # cells that a query visits, where nobody says how many


@takes(output=output_options)
def index(
    count: Annotated[int, typer.Option("--count", min=2_000, help="Vectors.")] = 200_000,
    dim: Annotated[int, typer.Option("--dim", min=8, help="Dimensions.")] = 256,
    codes: Annotated[
        int, typer.Option("--codes", min=0, help="Compare with autofaiss's of so many bytes.")
    ] = 0,
    seed: Seed = 0,
    *,
    output: Output,
) -> None:
    """Tune an index for recall@10 of 0.99 and compare it with hand-written ones."""
    from rich.console import Group

    from zoo.benchmarks.index import Points, bench_index

    found = bench_index(Points(count, dim, seed), codes=codes, track=output.track)
    tables = ("tuner", "by_hand", "autofaiss")
    plain = {name: value for name, value in found.items() if not isinstance(value, list | dict)}
    output.result(
        found, lambda: Group(*(rows_table(found[t], t) for t in tables if t in found), facts(plain))
    )


def served_options(
    count: Annotated[int, typer.Option("--count", min=1_000, help="Vectors served.")] = 100_000,
    dim: Annotated[int | None, typer.Option("--dim", help="[default: the architecture's]")] = None,
    kind: Annotated[str, typer.Option("--kind", help="faiss kind.")] = "Flat",
    architecture: Annotated[str, typer.Option("--model", help="A timm architecture.")] = "resnet18",
    seed: Seed = 0,
) -> "Served":
    """Return what is served."""
    from zoo.benchmarks.serve import Served

    return Served(count, dim, kind, architecture, seed)


def load_options(
    requests: Annotated[int, typer.Option("--requests", min=1, help="Searches of a load.")] = 160,
    concurrency: Annotated[
        list[int] | None, typer.Option("--concurrency", min=1, help="Searches at once; repeatable.")
    ] = None,
) -> "list[Load]":
    """Return the loads put on a server."""
    from zoo.benchmarks.serve import Load

    return [Load(requests, together) for together in concurrency or (1, 16)]


@takes(served=served_options, loads=load_options, output=output_options)
def serve(*, served: "Served", loads: "list[Load]", output: Output) -> None:
    """Put load on a server: requests a second, p50, p99, errors, beside model and index alone."""
    from rich.console import Group

    from zoo.benchmarks.serve import bench_serve
    from zoo.serve.extra import check_installed

    check_installed()
    with tempfile.TemporaryDirectory() as folder:
        found = bench_serve(Path(folder), served, loads, track=output.track)
    tables = ("bare", "served", "browsing", "opening")
    output.result(found, lambda: Group(*(rows_table(found[name], name) for name in tables)))


def spreading_options(
    images: Annotated[int, typer.Option("--images", min=32, help="Images embedded.")] = 640,
    count: Annotated[int, typer.Option("--count", min=10_000, help="Vectors searched.")] = 100_000,
    dim: Annotated[int, typer.Option("--dim", min=8, help="Dimensions.")] = 128,
    kind: Annotated[str, typer.Option("--kind", help="faiss kind.")] = "IVF512,SQ8",
    probes: Annotated[
        int | None,
        typer.Option("--probes", min=1, help="Cells a query visits in each segment; default 16."),
    ] = None,
    workers: Annotated[
        list[int] | None, typer.Option("--workers", min=1, max=8, help="How many; repeatable.")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Turns; the best counts.")] = 3,
    seed: Seed = 0,
) -> "Spreading":
    """Return what is embedded and searched, by how many workers.

    Raises:
        UsageError: cells are to be visited, and the kind has none.
    """
    if probes is not None and "IVF" not in kind:
        raise UsageError(f"--probes visits cells, and {kind} has none", "leave it out, or IVF…")
    from zoo.benchmarks.spread import Spreading

    return Spreading(
        images,
        count=count,
        dim=dim,
        kind=kind,
        probes=probes or PROBES,
        workers=tuple(workers or (1, 2, 4)),
        repeats=repeats,
        seed=seed,
    )


@takes(asked=spreading_options, output=output_options)
def spread(*, asked: "Spreading", output: Output) -> None:
    """Embed and search with several workers on Ray, a thread each, beside one process."""
    from rich.console import Group

    from zoo.benchmarks.spread import bench_spread

    with tempfile.TemporaryDirectory() as folder:
        found = bench_spread(Path(folder), asked, output.track)
    plain = {name: value for name, value in found.items() if not isinstance(value, list)}
    tables = ("embedding", "searching")
    output.result(found, lambda: Group(facts(plain), *(rows_table(found[t], t) for t in tables)))


def scale_options(
    count: Annotated[int, typer.Option("--count", min=10_000, help="Vectors built.")] = 200_000,
    dim: Annotated[int, typer.Option("--dim", min=8, help="Dimensions.")] = 128,
    shards: Annotated[int, typer.Option("--shards", min=1, help="Shards of the index.")] = 4,
    rate: Annotated[
        float, typer.Option("--rate", min=0.1, help="Embeddings a second and worker: put yours in.")
    ] = 100.0,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Workers that embed.")] = 16,
    ask: Annotated[
        float, typer.Option("--ask-ms", min=0, help="Cost of asking one more shard: put yours in.")
    ] = 2.4,
) -> "Scale":
    """Return what is measured, and what is asked."""
    from zoo.benchmarks.scale import Scale

    return Scale(count, dim, shards, rate, workers, ask)


@takes(asked=scale_options, output=output_options)
def scale(*, asked: "Scale", output: Output) -> None:
    """Measure rates of searching, and say what 100 million and a billion items would take."""
    from rich.console import Group

    from zoo.benchmarks.scale import bench_scale

    found = bench_scale(asked)
    plain = {name: value for name, value in found.items() if not isinstance(value, list)}
    output.result(
        found,
        lambda: Group(facts(plain), *(rows_table(found[t], t) for t in ("check", "sizes"))),
    )
