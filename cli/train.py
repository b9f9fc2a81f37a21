"""`rankzoo train`: a recipe by name, or a model on a folder of images."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.cluster import ClusterFlags
from cli.flags import takes
from cli.idle import refuse_idle
from cli.options import Device, DryRun, Offline, OnBadImage, Out, Seed, Set, Workers, given, typed
from cli.output import Output, output_options
from zoo.errors import UsageError

if TYPE_CHECKING:
    from zoo.cluster import Cluster
    from zoo.progress import Track
    from zoo.runs.options import TrainOptions

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
    str | None,
    typer.Option("--detector", help="On boxes: retinanet, atss, faster_rcnn or cascade_rcnn."),
]
Asked = Annotated[
    Literal["labels", "value"] | None,
    typer.Option("--task", help="Train on many labels an image, or on a value: no recipe needed."),
]
Column = Annotated[
    str | None, typer.Option("--column", help="The manifest's column of the labels or the value.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="What the recipe's reader reads: class folders, a manifest, hf:owner/name."
    ),
]
Size = Annotated[int | None, typer.Option("--batch-size", min=1, help="Items in a global batch.")]
Resume = Annotated[
    str, typer.Option("--resume", metavar="no|auto", help="auto: go on with the run in --out.")
]
Trackers = Annotated[
    list[str] | None,
    typer.Option("--track", help="tensorboard, wandb, mlflow (repeatable), or none."),
]
ShowConfig = Annotated[bool, typer.Option("--show-config", help="Print the recipe and stop.")]


@dataclass(frozen=True)
class Chosen:
    """The recipe, or the model and loss that stand for one, with its changes; see `Choice`."""

    name: Name = None
    model: Model = None
    loss: Loss = None
    detector: Detector = None
    task: Asked = None
    column: Column = None
    changes: Set = None
    batch_size: Size = None


@dataclass(frozen=True)
class Place:
    """What data is read, and where the run goes."""

    data: Data = None
    out: Out = Path("run")
    resume: Resume = "no"
    on_bad_image: OnBadImage = "fail"
    trackers: Trackers = None


@takes(place=Place)
def train_options(
    *,
    place: Place,
    device: Device = "auto",
    workers: Workers = 2,
    seed: Seed = 0,
    offline: Offline = False,
) -> "TrainOptions":
    """Return how a recipe is carried out."""
    from zoo.runs.options import TrainOptions

    where = {**vars(place), "trackers": tuple(place.trackers or ())}
    how: Any = {"seed": seed, "device": device, "workers": workers, "offline": offline}
    return TrainOptions(**where, **how, command=typed())


ProcessCount = Annotated[
    int, typer.Option("--processes", min=1, help="Processes that train together on Ray.")
]


@dataclass(frozen=True)
class Instead:
    """What is printed instead of training."""

    show_config: ShowConfig = False
    dry_run: DryRun = False


@dataclass(frozen=True)
class Where:
    """How a recipe is carried out, by how many processes, and what is said of a cluster."""

    options: "TrainOptions"
    flags: ClusterFlags
    processes: int

    def cluster(self) -> "Cluster | None":
        """Return the cluster to train on, None for this process.

        Raises:
            UsageError: something is said of a cluster, and none is asked for; torchrun started
                this process.
        """
        from zoo.device import told

        found = self.flags.cluster()
        if found is not None and told("WORLD_SIZE", 1) > 1:
            problem = "torchrun started processes, and --engine ray starts its own in each"
            raise UsageError(problem, "start `rankzoo train` by itself, with --processes N")
        if found is None and self.processes != 1:
            hint = "add --engine ray, or start them with torchrun"
            raise UsageError("--processes says nothing without a cluster", hint)
        return found


@takes(options=train_options, flags=ClusterFlags)
def where_options(
    *, options: "TrainOptions", flags: ClusterFlags, processes: ProcessCount = 1
) -> Where:
    """Return how a recipe is carried out, and where."""
    return Where(options, flags, processes)


@takes(chosen=Chosen, where=where_options, instead=Instead, output=output_options)
def train(
    context: typer.Context, *, chosen: Chosen, where: Where, instead: Instead, output: Output
) -> None:
    """Fine-tune a backbone with a rank loss; the run folder is a model folder."""
    from zoo.device import pick_device, told
    from zoo.recipes.find import Choice, find_recipe
    from zoo.recipes.idle import refuse_idle as refuse_idle_keys
    from zoo.recipes.values import to_json
    from zoo.runs.folder import refuse_taken
    from zoo.tasks import named, task_of_recipe

    choice = Choice(**{**vars(chosen), "changes": chosen.changes or ()})
    task = task_of_recipe(choice.kind)
    task.check("train", given(context))
    refuse_idle(context)
    task.check_data(where.options.data)
    task.check_processes(told("WORLD_SIZE", 1))
    cluster = where.cluster()
    recipe = find_recipe(choice)
    refuse_idle_keys(recipe, given(context))
    if instead.show_config:
        _print(output, to_json(recipe))
        return
    if where.options.resume == "no":
        refuse_taken(where.options.out)  # before any data is read
    options = with_data(where.options, output.track)
    if instead.dry_run:
        _print(output, named(task.plan)(recipe, options))
    else:
        output.log(f"{recipe.name}: a run in {options.out}, on {pick_device(options.device)}")
        if cluster is None:
            done = named(task.train)(recipe, options, output.track, [output.note])
        else:
            from zoo.training.on_ray import Processes, train_on_ray

            done = train_on_ray(task.train, recipe, options, Processes(cluster, where.processes))
        if done is not None:  # there is nothing in the processes that do not lead
            _print(output, done.as_json())
            output.log(f"before -> after: {done.gain()}")
            output.log(_next(task.name, options))


def with_data(options: "TrainOptions", track: "Track") -> "TrainOptions":
    """Return the options with data of the Hub brought here, and its commit in the command."""
    if options.data is None or not options.data.as_posix().startswith("hf:"):
        return options  # who trains on a folder opens no client of the Hub
    from zoo.tasks import named

    found = named("zoo.hub.image_sets:bring")(options.data, offline=options.offline, track=track)
    pinned = options.command.replace(str(options.data), found.name)
    return replace(options, data=found.path, command=pinned)


def _next(task: str, options: "TrainOptions") -> str:
    """Return what a person may type after a run."""
    run, data = shlex.quote(str(options.out)), shlex.quote(str(options.data))
    follows = {
        "embedder": f"rankzoo index build --model {run} --images {data} --out index",
        "detector": f"rankzoo detect {run} IMAGE... --out found",
        "scorer": f"rankzoo eval {run} --data {data} --confidence",
    }
    return f"next: {follows.get(task, f'rankzoo card new {run}')}"


def _print(output: Output, value: dict[str, Any]) -> None:
    from zoo.files import as_yaml

    output.result(value, lambda: as_yaml(value).rstrip())
