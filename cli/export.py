"""`rankzoo export`: a model for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Json, Offline, Out, Quiet, given
from cli.output import Output

Name = Annotated[str, typer.Argument(help="A run, a card name, or owner/name[@revision].")]
Format = Annotated[
    str,
    typer.Option(
        "--format", help="onnx, torch-export, safetensors (a model folder) or mmdetection."
    ),
]
Precision = Annotated[str, typer.Option("--precision", help="float32, half, or int8 (onnx).")]
Labelled = Annotated[
    Path | None, typer.Option("--data", help="Measure Recall@1 before and after on this data.")
]


def export(
    context: typer.Context,
    model: Name,
    out: Out,
    format: Format = "onnx",  # noqa: A002 (the flag is called --format)
    precision: Precision = "float32",
    data: Labelled = None,
    offline: Offline = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Export a model, checked number by number against itself; the batch size is free.

    Of a detector (RetinaNet, ATSS), the network up to non-maximum suppression: every anchor's
    scores and box, for images of one size; or any detector whole, for mmdetection.
    """
    from rich.table import Table

    from zoo.data.dataset import read_dataset
    from zoo.export.run import export as export_model
    from zoo.hub import resolve_model
    from zoo.tasks import load_folder, task_of_model

    output = Output(as_json, quiet)
    task_of_model(model, offline=offline).check("export", given(context))
    dataset = read_dataset(data) if data else None
    done = export_model(
        load_folder(resolve_model(model, offline=offline, track=output.track)),
        out,
        format_name=format,
        precision=precision,
        dataset=dataset,
        track=output.track,
    )

    def human() -> Table:
        table = Table(box=None, show_header=False)
        for key, value in done.as_json().items():
            table.add_row(key, str(value))
        return table

    output.result(done.as_json(), human)
