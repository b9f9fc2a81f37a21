"""`rankzoo export`: a model for other programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.flags import takes
from cli.options import Offline, Out, given
from cli.output import Output, output_options

Name = Annotated[str, typer.Argument(help="A run, a card name, or owner/name[@revision].")]
Format = Annotated[
    str,
    typer.Option(
        "--format", help="onnx, openvino, torch-export, safetensors (a folder) or mmdetection."
    ),
]
Precision = Annotated[str, typer.Option("--precision", help="float32, half, or int8 (onnx).")]
Labelled = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Measure Recall@1 before and after on this data (hf:owner/name too)."
    ),
]


@dataclass(frozen=True)
class Form:
    """What is written where, and on what it is measured."""

    out: Out
    format: Format = "onnx"
    precision: Precision = "float32"
    data: Labelled = None


@takes(form=Form, output=output_options)
def export(
    context: typer.Context,
    model: Name,
    *,
    form: Form,
    offline: Offline = False,
    output: Output,
) -> None:
    """Export a model, checked number by number against itself; the batch size is free.

    Of a detector (RetinaNet, ATSS), the network up to non-maximum suppression: every anchor's
    scores and box, for images of one size; or any detector whole, for mmdetection.
    """
    from rich.table import Table

    from zoo.cards.model_files import check_model_folder
    from zoo.data.dataset import read_dataset
    from zoo.export.run import ExportOptions
    from zoo.export.run import export as export_model
    from zoo.hub.image_sets import bring
    from zoo.tasks import find_model, load_folder

    task, folder = find_model(model, offline=offline)
    task.check("export", given(context))
    dataset = read_dataset(bring(form.data, offline=offline).path) if form.data else None
    loaded = load_folder(check_model_folder(Path(folder)))
    options = ExportOptions(form.format, form.precision, dataset, output.track)
    done = export_model(loaded, form.out, options)

    def human() -> Table:
        table = Table(box=None, show_header=False)
        for key, value in done.as_json().items():
            if value != {}:  # nothing was measured, or no other file is needed
                table.add_row(key, str(value))
        return table

    output.result(done.as_json(), human)
