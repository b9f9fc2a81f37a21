"""`rankzoo bench embedding|training|batches|evaluation`: embedding and training."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bench.tables import Repeats, show_facts, show_rows
from cli.flags import takes
from cli.options import BatchSize, Seed
from cli.output import Output, output_options

if TYPE_CHECKING:
    from zoo.benchmarks.batches import Network


@takes(output=output_options)
def embedding(
    architecture: Annotated[str, typer.Option("--model", help="A timm architecture.")] = "resnet18",
    size: Annotated[int, typer.Option("--size", min=1, help="Side of the input, pixels.")] = 96,
    every: Annotated[
        bool, typer.Option("--every", help="Compiled and exported forms too: minutes.")
    ] = False,
    batch_size: BatchSize = 32,
    repeats: Repeats = 5,
    *,
    output: Output,
) -> None:
    """Run a network alone in several forms; images per second, and what embeddings lose."""
    from zoo.benchmarks.embedding import Forms, benchmark_embedding

    forms = Forms(architecture, size, batch_size, repeats, every)
    with tempfile.TemporaryDirectory() as folder:
        show_rows(output, benchmark_embedding(Path(folder), forms, output.track))


@takes(output=output_options)
def training(
    architecture: Annotated[str, typer.Option("--model", help="A timm architecture.")] = "resnet18",
    size: Annotated[int, typer.Option("--size", min=1, help="Side of the input, pixels.")] = 96,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Loading processes.")] = 1,
    *,
    output: Output,
) -> None:
    """Train on JPEGs: decode alone, network alone, both; images per second."""
    from zoo.benchmarks.training import Update, benchmark_training

    with tempfile.TemporaryDirectory() as folder:
        found = benchmark_training(Path(folder), Update(architecture, size, workers=workers))
    show_facts(output, found.to_json())


def network_options(
    architecture: Annotated[str, typer.Option("--model", help="A timm architecture.")] = "resnet18",
    size: Annotated[int, typer.Option("--size", min=1, help="Side of the input, pixels.")] = 96,
    repeats: Repeats = 3,
) -> "Network":
    """Return what embeds a batch."""
    from zoo.benchmarks.batches import Network

    return Network(architecture, size, repeats)


@takes(network=network_options, output=output_options)
def batches(
    sizes: Annotated[
        list[int] | None, typer.Option("--batch-size", min=8, help="Items; repeatable.")
    ] = None,
    chunk: Annotated[int, typer.Option("--chunk", min=8, help="Items embedded at once.")] = 64,
    *,
    network: "Network",
    output: Output,
) -> None:
    """Take a large batch's gradient in one pass and in two; seconds and memory."""
    from zoo.benchmarks.batches import benchmark_batches

    rows = benchmark_batches(
        sizes or (64, 256, 1024), chunk=chunk, network=network, track=output.track
    )
    show_rows(output, rows)


@takes(output=output_options)
def evaluation(
    gallery: Annotated[int, typer.Option("--gallery", min=10, help="Images.")] = 1_000_000,
    queries: Annotated[int, typer.Option("--queries", min=10, help="Queries.")] = 10_000,
    dim: Annotated[int, typer.Option("--dim", min=1, help="Dimensions.")] = 512,
    seed: Seed = 0,
    *,
    output: Output,
) -> None:
    """Evaluate against a large stored gallery: seconds, floor, peak memory."""
    from zoo.benchmarks.evaluation import Sizes, bench_evaluation

    with tempfile.TemporaryDirectory() as folder:
        found = bench_evaluation(Path(folder), Sizes(gallery, queries, dim, seed), output.track)
    show_facts(output, dict(found))
