"""`rankzoo bench …`: speed and memory on this machine, each against a reference in the same run."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.options import BatchSize, Data, Device, Json, Model, Out, Quiet, Seed, Workers
from cli.output import Output

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(name="bench", no_args_is_help=True)

Repeats = Annotated[int, typer.Option("--repeats", min=1, help="Repetitions; the best counts.")]


@app.command()
def startup(repeats: Repeats = 15, json: Json = False, quiet: Quiet = False) -> None:
    """Start `rankzoo --help` and an empty Typer application, in turn; medians."""
    from zoo.bench.startup import benchmark_startup

    _print(Output(json, quiet), benchmark_startup(repeats).to_json())


@app.command()
def decode(repeats: Repeats = 5, json: Json = False, quiet: Quiet = False) -> None:
    """Open large JPEGs whole and in draft mode; images per second."""
    from zoo.bench.decode import benchmark_decode

    with tempfile.TemporaryDirectory() as folder:
        _print(Output(json, quiet), benchmark_decode(Path(folder), repeats=repeats).to_json())


@app.command()
def training(
    architecture: Annotated[str, typer.Option("--model", help="A timm architecture.")] = "resnet18",
    size: Annotated[int, typer.Option("--size", min=1, help="Side of the input, pixels.")] = 96,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Loading processes.")] = 1,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on JPEGs: decode alone, network alone, both; images per second."""
    from zoo.bench.training import benchmark_training

    output = Output(json, quiet)
    with tempfile.TemporaryDirectory() as folder:
        found = benchmark_training(
            Path(folder), architecture=architecture, size=size, workers=workers
        )
    _print(output, found.to_json())


@app.command()
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
    from zoo.bench.batches import benchmark_batches

    output = Output(json, quiet)
    rows = benchmark_batches(
        sizes or (64, 256, 1024),
        chunk=chunk,
        architecture=architecture,
        size=size,
        repeats=repeats,
        track=output.track,
    )
    _print_rows(output, rows)


@app.command()
def detection(
    negatives: Annotated[int, typer.Option("--negatives", min=1, help="Negatives.")] = 200_000,
    positives: Annotated[int, typer.Option("--positives", min=1, help="Positives.")] = 2_000,
    repeats: Repeats = 3,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare detection's ranking losses with a loop over the positives."""
    from zoo.bench.detection import compare_detection_losses

    output = Output(json, quiet)
    _print_rows(output, compare_detection_losses(negatives, positives, repeats, output.track))


@app.command()
def detectors(
    out: Out,
    scenes: Annotated[int, typer.Option("--scenes", min=10, help="Pictures to draw.")] = 200,
    size: Annotated[int, typer.Option("--size", min=64, help="Side of a picture, pixels.")] = 128,
    epochs: Annotated[int, typer.Option("--epochs", min=2, help="Epochs of a run.")] = 5,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train detectors on each loss, three seeds, on generated scenes; goes on where it stopped."""
    from zoo.bench.detectors import compare_detectors

    output = Output(json, quiet)
    rows = compare_detectors(out, scenes=scenes, side=size, epochs=epochs, track=output.track)
    _print_rows(output, rows)


@app.command()
def evaluation(
    gallery: Annotated[int, typer.Option("--gallery", min=10, help="Images.")] = 1_000_000,
    queries: Annotated[int, typer.Option("--queries", min=10, help="Queries.")] = 10_000,
    dim: Annotated[int, typer.Option("--dim", min=1, help="Dimensions.")] = 512,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate against a large stored gallery: seconds, floor, peak memory."""
    from zoo.bench.evaluation import bench_evaluation

    output = Output(json, quiet)
    with tempfile.TemporaryDirectory() as folder:
        found = bench_evaluation(Path(folder), gallery, queries, dim, seed, output.track)
    _print(output, dict(found))


@app.command()
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
    from zoo.bench.extraction import bench_extraction
    from zoo.data.catalogue import read_catalogue
    from zoo.loading import load
    from zoo.models.device import pick_device

    found = bench_extraction(
        load(model),
        read_catalogue(data, require_labels=False).paths,
        batch_size=batch_size,
        workers=workers,
        device=pick_device(device),
        repeats=repeats,
    )
    _print(Output(json, quiet), found)


@app.command()
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

    from zoo.bench.index import bench_index

    output = Output(json, quiet)
    found = bench_index(count, dim, seed, codes=codes, track=output.track)
    tables = ("tuner", "by_hand", "autofaiss")
    plain = {name: value for name, value in found.items() if not isinstance(value, list | dict)}
    output.result(
        found, lambda: Group(*(_rows(found[t], t) for t in tables if t in found), _facts(plain))
    )


@app.command()
def opening(
    count: Annotated[int, typer.Option("--count", min=1_000, help="Vectors.")] = 1_000_000,
    dim: Annotated[int, typer.Option("--dim", min=8, help="Dimensions.")] = 512,
    kind: Annotated[str, typer.Option("--kind", help="faiss kind.")] = "IVF1024,PQ128x4fs",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Build a large index, open it in a fresh process and search: seconds, memory."""
    from zoo.bench.opening import bench_opening

    with tempfile.TemporaryDirectory() as folder:
        _print(Output(json, quiet), bench_opening(Path(folder) / "idx", count, dim, kind))


@app.command()
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

    from zoo.bench.serve import bench_serve
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
    output.result(found, lambda: Group(*(_rows(found[name], name) for name in tables)))


@app.command()
def sorters(
    length: Annotated[int, typer.Option("--length", min=2, help="Scores in a vector.")] = 100,
    inputs: Annotated[str, typer.Option("--inputs", help="Kind of vectors.")] = "mixture",
    count: Annotated[int, typer.Option("--count", min=1, help="Vectors.")] = 500,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Place every sorter: rank error, and the share of rank changes its gradient predicts."""
    from zoo.bench.sorters import compare_sorters, contenders

    places = compare_sorters(contenders(), length, inputs=inputs, count=count, seed=seed)
    _print_rows(Output(json, quiet), [place.to_row() for place in places])


@app.command()
def losses(
    count: Annotated[int, typer.Option("--n", min=2, help="Items in the batch.")] = 4096,
    dim: Annotated[int, typer.Option("--dim", min=1, help="Dimensions.")] = 512,
    per_class: Annotated[int, typer.Option("--per-class", min=1, help="Items of a class.")] = 4,
    only: Annotated[list[str] | None, typer.Option("--loss", help="Only these losses.")] = None,
    rivals: Annotated[
        bool, typer.Option("--rivals", help="Also time textbook forms and packaged losses.")
    ] = False,
    repeats: Repeats = 3,
    seed: Seed = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Time every rank loss against the similarity product's own forward and backward."""
    from rich.console import Group

    from zoo.bench.losses import benchmark_losses, benchmark_rivals

    output = Output(json, quiet)
    names = tuple(only or ())
    found: dict[str, Any] = {
        "losses": benchmark_losses(count, dim, per_class, repeats, seed, names, output.track)
    }
    if rivals:
        found["rivals"] = benchmark_rivals(
            count, dim=dim, per_class=per_class, seed=seed, track=output.track
        )
    output.result(found, lambda: Group(*(_narrow(rows, title) for title, rows in found.items())))


def _print(output: Output, value: dict[str, Any]) -> None:
    output.result(value, lambda: _facts(value))


def _print_rows(output: Output, rows: Sequence[dict[str, Any]]) -> None:
    output.result({"rows": list(rows)}, lambda: _rows(rows))


def _facts(value: dict[str, Any]) -> "Table":
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for name, entry in value.items():
        table.add_row(name.replace("_", " "), _text(entry))
    return table


def _rows(rows: Sequence[dict[str, Any]], title: str = "") -> "Table":
    from rich.table import Table

    table = Table(title=title.replace("_", " "), box=None)
    for name in rows[0]:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(_text(entry) for entry in row.values()))
    return table


SHORT = {"seconds": "s", "ratio": "x floor", "extra": "+", "compiled": "comp.", "mb": "MB"}


def _narrow(rows: Sequence[dict[str, Any]], title: str) -> "Table":
    """Show at most ten columns in 80 characters: short words, three digits."""
    from rich.table import Table

    table = Table(title=title, box=None, padding=(0, 1, 0, 0))
    for name in rows[0]:
        words = " ".join(SHORT.get(word, word) for word in name.split("_"))
        table.add_column(words, no_wrap=name in ("loss", "rival"))
    for row in rows:
        table.add_row(*(f"{e:.3g}" if isinstance(e, float) else str(e) for e in row.values()))
    return table


def _text(entry: Any) -> str:
    return f"{entry:.4g}" if isinstance(entry, float) else str(entry)
