"""`rankzoo bench startup|decode|training|batches|extraction|evaluation`: embedding and training."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.bench.tables import Repeats, show_facts, show_rows
from cli.options import BatchSize, Data, Device, Json, Model, Quiet, Seed, Workers
from cli.output import Output


def startup(repeats: Repeats = 15, json: Json = False, quiet: Quiet = False) -> None:
    """Start `rankzoo --help` and an empty Typer application, in turn; medians."""
    from zoo.benchmarks.startup import benchmark_startup

    show_facts(Output(json, quiet), benchmark_startup(repeats).to_json())


def decode(repeats: Repeats = 5, json: Json = False, quiet: Quiet = False) -> None:
    """Open large JPEGs whole and in draft mode; images per second."""
    from zoo.benchmarks.decode import benchmark_decode

    with tempfile.TemporaryDirectory() as folder:
        show_facts(Output(json, quiet), benchmark_decode(Path(folder), repeats=repeats).to_json())


def training(
    architecture: Annotated[str, typer.Option("--model", help="A timm architecture.")] = "resnet18",
    size: Annotated[int, typer.Option("--size", min=1, help="Side of the input, pixels.")] = 96,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Loading processes.")] = 1,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on JPEGs: decode alone, network alone, both; images per second."""
    from zoo.benchmarks.training import benchmark_training

    output = Output(json, quiet)
    with tempfile.TemporaryDirectory() as folder:
        found = benchmark_training(
            Path(folder), architecture=architecture, size=size, workers=workers
        )
    show_facts(output, found.to_json())


def batches(
    sizes: Annotated[
        list[int] | None, typer.Option("--batch-size", min=8, help="Items; repeatable.")
    ] = None,
    chunk: Annotated[int, typer.Option("--chunk", min=8, help="Items embedded at once.")] = 64,
    architecture: Annotated[str, typer.Option("--model", help="A timm architecture.")] = "resnet18",
    size: Annotated[int, typer.Option("--size", min=1, help="Side of the input, pixels.")] = 96,
    repeats: Repeats = 3,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take a large batch's gradient in one pass and in two; seconds and memory."""
    from zoo.benchmarks.batches import benchmark_batches

    output = Output(json, quiet)
    rows = benchmark_batches(
        sizes or (64, 256, 1024),
        chunk=chunk,
        architecture=architecture,
        size=size,
        repeats=repeats,
        track=output.track,
    )
    show_rows(output, rows)


def extraction(
    model: Model,
    data: Data,
    batch_size: BatchSize = 32,
    workers: Workers = 0,
    device: Device = "auto",
    repeats: Repeats = 3,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Embed a folder: decoding alone, network alone, both; images per second."""
    from zoo.benchmarks.extraction import bench_extraction
    from zoo.data.dataset import read_dataset
    from zoo.device import pick_device
    from zoo.tasks import load

    found = bench_extraction(
        load(model),
        read_dataset(data, require_labels=False).paths,
        batch_size=batch_size,
        workers=workers,
        device=pick_device(device),
        repeats=repeats,
    )
    show_facts(Output(json, quiet), found)


def evaluation(
    gallery: Annotated[int, typer.Option("--gallery", min=10, help="Images.")] = 1_000_000,
    queries: Annotated[int, typer.Option("--queries", min=10, help="Queries.")] = 10_000,
    dim: Annotated[int, typer.Option("--dim", min=1, help="Dimensions.")] = 512,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate against a large stored gallery: seconds, floor, peak memory."""
    from zoo.benchmarks.evaluation import bench_evaluation

    output = Output(json, quiet)
    with tempfile.TemporaryDirectory() as folder:
        found = bench_evaluation(Path(folder), gallery, queries, dim, seed, output.track)
    show_facts(output, dict(found))
