"""`rankzoo eval`: measure a model."""

from typing import Annotated

import typer

from cli.options import BatchSize, Data, Device, Json, Offline, OnBadImage, Quiet, Workers
from cli.output import Output

Name = Annotated[str, typer.Argument(help="Card name, owner/name[@revision], or a local folder.")]
Split = Annotated[
    str,
    typer.Option(
        help="Search this split with its own images; `all`: everything. By default query against "
        "gallery, else test, else the classes that training without splits would hold out."
    ),
]


def evaluate(
    model: Name,
    data: Data,
    split: Split = "",
    batch_size: BatchSize = 64,
    workers: Workers = 0,
    device: Device = "auto",
    on_bad_image: OnBadImage = "fail",
    offline: Offline = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a model on your data, and say under which protocol."""
    output = Output(as_json, quiet)
    from zoo.data.catalogue import read_catalogue
    from zoo.evaluation.retrieval import evaluate_retrieval
    from zoo.evaluation.tables import result_table
    from zoo.evaluation.task import held_out, task_of
    from zoo.loading import load
    from zoo.models.device import pick_device

    target = pick_device(device)
    catalogue = held_out(read_catalogue(data, on_bad_image=on_bad_image))
    task = task_of(catalogue, split)
    evaluation = evaluate_retrieval(
        load(model, offline=offline),
        catalogue,
        task=task,
        batch_size=batch_size,
        workers=workers,
        device=target,
        track=output.track,
    )
    output.result(
        {"model": model, **evaluation.as_json()}, human=lambda: result_table(evaluation, model)
    )
