"""`rankzoo train`: a recipe by name, or a model on a folder of images."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import (
    Device,
    DryRun,
    Json,
    Offline,
    OnBadImage,
    Out,
    Quiet,
    Seed,
    Set,
    Workers,
    given,
)
from cli.output import Output

Name = Annotated[
    str | None, typer.Argument(metavar="[RECIPE]", help="A recipe's name, or a recipe.json.")
]
Model = Annotated[
    str | None, typer.Option("--model", help="Backbone: card, owner/name[@revision], or folder.")
]
Loss = Annotated[
    str | None, typer.Option("--loss", help="A loss's name; by default SupAP with calibration.")
]
Detector = Annotated[
    str | None, typer.Option("--detector", help="Train on boxes: retinanet, atss or faster_rcnn.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="What the recipe's reader reads; a folder of class folders."),
]
Size = Annotated[int | None, typer.Option("--batch-size", min=1, help="Items in a global batch.")]
Resume = Annotated[
    str, typer.Option("--resume", metavar="no|auto", help="auto: go on with the run in --out.")
]
ShowConfig = Annotated[bool, typer.Option("--show-config", help="Print the recipe and stop.")]


def train(
    context: typer.Context,
    name: Name = None,
    model: Model = None,
    loss: Loss = None,
    detector: Detector = None,
    data: Data = None,
    out: Out = Path("run"),
    changes: Set = None,
    batch_size: Size = None,
    device: Device = "auto",
    workers: Workers = 2,
    seed: Seed = 0,
    resume: Resume = "no",
    on_bad_image: OnBadImage = "fail",
    offline: Offline = False,
    show_config: ShowConfig = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune a backbone with a rank loss; the run folder is a model folder."""
    from zoo.device import pick_device
    from zoo.recipes.find import find_recipe, known_recipe, trains_own_boxes
    from zoo.recipes.values import to_json
    from zoo.runs.options import TrainOptions
    from zoo.tasks import TASKS, named, task_of_recipe

    output = Output(as_json, quiet)
    if name is None and trains_own_boxes(name, model, detector):
        task = TASKS["detector"]
    else:
        task = TASKS["embedder"] if name is None else task_of_recipe(known_recipe(name))
    task.check("train", given(context))
    recipe = find_recipe(name, model, loss, changes or [], batch_size, detector)
    options = TrainOptions(out, data, seed, resume, on_bad_image, device, workers, offline)
    if show_config:
        _print(output, to_json(recipe))
    elif dry_run:
        _print(output, named(task.plan)(recipe, options))
    else:
        output.log(f"{recipe.name}: a run in {out}, on {pick_device(device)}")
        done = named(task.train)(recipe, options, output.track, [output.note])
        if done is not None:  # there is nothing in the processes that do not lead
            found = {"run": str(done.run), "metrics": done.metrics, "seconds": done.seconds}
            _print(output, found)
            output.log(_next(task.name, str(out), data))


def _next(task: str, run: str, data: Path | None) -> str:
    """Return what a person may type after a run."""
    follows = {
        "embedder": f"rankzoo index build --model {run} --images {data} --out index",
        "detector": f"rankzoo detect {run} IMAGE... --out found",
    }
    return f"next: {follows.get(task, f'rankzoo card new {run}')}"


def _print(output: Output, value: dict[str, Any]) -> None:
    import yaml

    output.result(value, lambda: yaml.safe_dump(value, sort_keys=False).rstrip())
