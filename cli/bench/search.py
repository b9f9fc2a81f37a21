"""`rankzoo bench index|opening|serve`: what searches."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.bench.tables import facts, rows_table, show_facts
from cli.options import Json, Quiet, Seed
from cli.output import Output


def index(
    count: Annotated[int, typer.Option("--count", min=1_000, help="Vectors.")] = 200_000,
    dim: Annotated[int, typer.Option("--dim", min=8, help="Dimensions.")] = 256,
    codes: Annotated[
        int, typer.Option("--codes", min=0, help="Compare with autofaiss's of so many bytes.")
    ] = 0,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tune an index for recall@10 of 0.99 and compare it with hand-written ones."""
    from rich.console import Group

    from zoo.benchmarks.index import bench_index

    output = Output(json, quiet)
    found = bench_index(count, dim, seed, codes=codes, track=output.track)
    tables = ("tuner", "by_hand", "autofaiss")
    plain = {name: value for name, value in found.items() if not isinstance(value, list | dict)}
    output.result(
        found, lambda: Group(*(rows_table(found[t], t) for t in tables if t in found), facts(plain))
    )


def opening(
    count: Annotated[int, typer.Option("--count", min=1_000, help="Vectors.")] = 1_000_000,
    dim: Annotated[int, typer.Option("--dim", min=8, help="Dimensions.")] = 512,
    kind: Annotated[str, typer.Option("--kind", help="faiss kind.")] = "IVF1024,PQ128x4fs",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Build a large index, open it in a fresh process and search: seconds, memory."""
    from zoo.benchmarks.opening import bench_opening

    with tempfile.TemporaryDirectory() as folder:
        show_facts(Output(json, quiet), bench_opening(Path(folder) / "idx", count, dim, kind))


def serve(
    count: Annotated[int, typer.Option("--count", min=1_000, help="Vectors served.")] = 100_000,
    dim: Annotated[int | None, typer.Option("--dim", help="[default: the architecture's]")] = None,
    kind: Annotated[str, typer.Option("--kind", help="faiss kind.")] = "Flat",
    architecture: Annotated[str, typer.Option("--model", help="A timm architecture.")] = "resnet18",
    requests: Annotated[int, typer.Option("--requests", min=1, help="Searches of a load.")] = 160,
    concurrency: Annotated[
        list[int] | None, typer.Option("--concurrency", min=1, help="Searches at once; repeatable.")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put load on a server: requests a second, p50, p99, errors, beside model and index alone."""
    from rich.console import Group

    from zoo.benchmarks.serve import bench_serve
    from zoo.index import Plan
    from zoo.serve.extra import check_installed

    check_installed()
    output = Output(json, quiet)
    with tempfile.TemporaryDirectory() as folder:
        found = bench_serve(
            Path(folder),
            count=count,
            dim=dim,
            plan=Plan(kind),
            architecture=architecture,
            requests=requests,
            concurrencies=concurrency or (1, 16),
            seed=seed,
            track=output.track,
        )
    tables = ("bare", "served", "browsing", "opening")
    output.result(found, lambda: Group(*(rows_table(found[name], name) for name in tables)))
