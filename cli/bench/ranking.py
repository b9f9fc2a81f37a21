"""`rankzoo bench losses|sorters|detection|detectors`: what ranks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.bench.tables import Repeats, narrow_table, show_rows
from cli.flags import takes
from cli.options import Out, Seed
from cli.output import Output, output_options

if TYPE_CHECKING:
    from zoo.benchmarks.detectors import Scenes
    from zoo.benchmarks.losses import Toy
    from zoo.benchmarks.sorters import Vectors


def toy_options(
    count: Annotated[int, typer.Option("--n", min=2, help="Items in the batch.")] = 4096,
    dim: Annotated[int, typer.Option("--dim", min=1, help="Dimensions.")] = 512,
    per_class: Annotated[int, typer.Option("--per-class", min=1, help="Items of a class.")] = 4,
    seed: Seed = 0,
) -> "Toy":
    """Return the batch whose losses are timed."""
    from zoo.benchmarks.losses import Toy

    return Toy(count, dim, per_class, seed)


@takes(toy=toy_options, output=output_options)
def losses(
    *,
    toy: "Toy",
    only: Annotated[list[str] | None, typer.Option("--loss", help="Only these losses.")] = None,
    rivals: Annotated[
        bool, typer.Option("--rivals", help="Also time textbook forms and packaged losses.")
    ] = False,
    repeats: Repeats = 3,
    output: Output,
) -> None:
    """Time every rank loss against the similarity product's own forward and backward."""
    from rich.console import Group

    from zoo.benchmarks.losses import benchmark_losses, benchmark_rivals

    asked: Any = (toy, repeats, tuple(only or ()), output.track)
    found: dict[str, Any] = {"losses": benchmark_losses(*asked)}
    if rivals:
        found["rivals"] = benchmark_rivals(*asked)
    output.result(
        found, lambda: Group(*(narrow_table(rows, title) for title, rows in found.items()))
    )


def vectors_options(
    length: Annotated[int, typer.Option("--length", min=2, help="Scores in a vector.")] = 100,
    inputs: Annotated[str, typer.Option("--inputs", help="Kind of vectors.")] = "mixture",
    count: Annotated[int, typer.Option("--count", min=1, help="Vectors.")] = 500,
    seed: Seed = 0,
) -> "Vectors":
    """Return the vectors that sorters rank."""
    from zoo.benchmarks.sorters import Vectors

    return Vectors(length, inputs, count, seed)


@takes(vectors=vectors_options, output=output_options)
def sorters(
    *,
    vectors: "Vectors",
    sorter: Annotated[
        list[Path] | None, typer.Option("--sorter", help="Folder of one you trained; repeatable.")
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the front here, SVG.")] = None,
    output: Output,
) -> None:
    """Place every sorter: rank error, and the share of rank changes its gradient predicts."""
    from zoo.benchmarks.front_plot import front_svg
    from zoo.benchmarks.sorters import candidates, compare_sorters
    from zoo.files import write_text

    places = compare_sorters(candidates(sorter or (), vectors.length), vectors)
    if plot is not None:
        write_text(plot, front_svg(places))
    show_rows(output, [place.to_row() for place in places])


@takes(output=output_options)
def detection(
    negatives: Annotated[int, typer.Option("--negatives", min=1, help="Negatives.")] = 200_000,
    positives: Annotated[int, typer.Option("--positives", min=1, help="Positives.")] = 2_000,
    repeats: Repeats = 3,
    *,
    output: Output,
) -> None:
    """Compare detection's ranking losses with a loop over the positives."""
    from zoo.benchmarks.detection import compare_detection_losses

    show_rows(output, compare_detection_losses(negatives, positives, repeats, output.track))


def scenes_options(
    scenes: Annotated[int, typer.Option("--scenes", min=10, help="Images to draw.")] = 200,
    size: Annotated[int, typer.Option("--size", min=64, help="Side of an image, pixels.")] = 128,
    epochs: Annotated[int, typer.Option("--epochs", min=2, help="Epochs of a run.")] = 5,
) -> "Scenes":
    """Return what detectors are trained on."""
    from zoo.benchmarks.detectors import Scenes

    return Scenes(scenes, size, epochs)


@takes(scenes=scenes_options, output=output_options)
def detectors(out: Out, *, scenes: "Scenes", output: Output) -> None:
    """Train detectors on each loss, three seeds, on generated scenes; goes on where it stopped."""
    from zoo.benchmarks.detectors import compare_detectors

    rows = compare_detectors(out, scenes=scenes, track=output.track)
    show_rows(output, rows)
