"""The tasks: what is trained, measured and loaded, by which functions, with which options.

A function is named here and imported when it is called: who trains embedders opens no room of
detectors. A new task is an entry of `TASKS`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from zoo.errors import UsageError
from zoo.recipes import AnyRecipe, DetectionRecipe, Recipe, ScoreRecipe, SorterRecipe

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor, nn

    class LoadedModel(nn.Module):
        """A model in evaluation mode; it has the sides of its kind, another raises."""

        dim: int
        transform: Callable[[Image], Tensor]

        def embed_images(
            self, images: Iterable[Image | Path | str] | Image | Path | str, batch_size: int = 64
        ) -> Tensor:
            """Return (image, dim) unit vectors."""
            raise NotImplementedError

        def embed_texts(self, texts: Sequence[str], batch_size: int = 64) -> Tensor:
            """Return (text, dim) unit vectors."""
            raise NotImplementedError

        def score_images(
            self, images: Iterable[Image | Path | str] | Image | Path | str, batch_size: int = 64
        ) -> list[dict[str, float]]:
            """Return the probability of each class, or the value, of each image, by name."""
            raise NotImplementedError


TRAINS = frozenset(
    {"--out", "--set", "--batch-size", "--seed", "--resume", "--device", "--offline"}
    | {"--show-config", "--dry-run", "--track"}
)
TRAINS_ON_RAY = {"--engine", "--address", "--processes", "--cpus", "--gpus"}
TRAINS_ON_DATA = TRAINS | {"--data", "--model", "--workers"}
EVALUATES = frozenset({"--data", "--split", "--device", "--offline"})
EVALUATES_IMAGES = (
    EVALUATES
    | {"OTHER", "--protocol", "--confidence", "--report", "--save", "--seed", "--on-bad-image"}
    | {"--image-size", "--scales", "--whiten-on", "--whitening", "--whitening-dim", "--whiten-by"}
    | {"--augment", "--expand", "--alpha", "--rerank", "--text-model", "--distractors"}
    | {"--query-image", "--embeddings", "--batch-size", "--workers", "--runtime"}
)
EXPORTS = frozenset({"--out", "--format", "--precision", "--offline"})
INDEXES_TEXTS = frozenset(
    {"--model", "--images", "--out", "--split", "--captions", "--kind", "--refine", "--recall"}
    | {"--memory", "--latency-ms", "--like", "--whiten", "--whitening-dim", "--dry-run"}
    | {"--batch-size", "--device", "--on-bad-image", "--offline"}
    | {"--engine", "--address", "--shards", "--apart", "--cpus", "--gpus"}
)
INDEXES = INDEXES_TEXTS | {"--scales", "--runtime", "--workers"}
DESCRIBES = {"card new": frozenset({"--repo", "--license", "--out"})}
SERVES: dict[str, frozenset[str]] = {"serve --model": frozenset()}


@dataclass(frozen=True)
class Task:
    """A kind of model: its recipe, and by name (`module:function`) what can be done with it.

    key: the entry of a model folder's config.json that marks this kind; empty: any other folder.
    plan, train: take a recipe and `TrainOptions`. evaluate: names of models, `EvalOptions` and
    `ReportOptions`. load: a model folder.
    takes: by command, the options that mean something here; another one is refused. A command
    that is not listed does not take this kind of model at all.
    boxes: whether its data have boxes, which sets of the Hub are not read with.
    alone: whether it trains in one process: several would write into one run folder.
    pipeline_tag, tag: what the Hub calls it.
    """

    name: str
    key: str
    load: str
    recipe: type[AnyRecipe] | None = None
    plan: str = ""
    train: str = ""
    evaluate: str = ""
    takes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pipeline_tag: str = "image-feature-extraction"
    tag: str = "retrieval"
    boxes: bool = False
    alone: bool = False

    def check_processes(self, count: int) -> None:
        """Raise where so many processes were started to train what one process trains.

        Raises:
            UsageError: naming the task and the number.
        """
        if self.alone and count > 1:
            message = f"torchrun started {count} processes, and a {self.name} trains in one"
            raise UsageError(message, "start `rankzoo train` by itself")

    def check_data(self, data: Path | None) -> None:
        """Raise where boxes are needed, and data is a set of the Hub.

        Raises:
            UsageError: naming the set.
        """
        if self.boxes and str(data).startswith("hf:"):
            hint = "download it, and give the folder: COCO, YOLO, Pascal VOC, or JSONL"
            raise UsageError(f"a {self.name}'s boxes are not read from the Hub: {data}", hint)

    def check(self, command: str, given: Iterable[str]) -> None:
        """Raise unless the options that were given all mean something for this task.

        Raises:
            UsageError: naming the task and the option.
        """
        if command not in self.takes:
            able = ", ".join(task.name for task in TASKS.values() if command in task.takes)
            raise UsageError(f"{command} takes no {self.name}", f"it takes a model that is: {able}")
        for option in given:
            if option not in self.takes[command]:
                known = " ".join(sorted(self.takes[command]))
                article = "an" if self.name[0] in "aeiou" else "a"
                message = f"{command} of {article} {self.name} takes no {option}"
                raise UsageError(message, f"it takes {known}")


BothSides = partial(
    Task,
    evaluate="zoo.evaluation.session:evaluate_embedders",
    pipeline_tag="zero-shot-image-classification",
)
TASKS = {
    task.name: task
    for task in (
        Task(
            name="detector",
            key="detector",
            recipe=DetectionRecipe,
            plan="zoo.detection.launch:plan",
            train="zoo.detection.launch:train",
            load="zoo.detection.storage:load_detector",
            evaluate="zoo.detection.launch:evaluate",
            takes={
                "train": TRAINS_ON_DATA | {"--loss", "--on-bad-image", "--detector"},
                "eval": EVALUATES | {"--workers", "--on-bad-image"},
                "export": EXPORTS,
                "serve --detector": frozenset(),
                **DESCRIBES,
            },
            pipeline_tag="object-detection",
            tag="detection",
            boxes=True,
        ),
        Task(
            name="sorter",
            key="sorter",
            recipe=SorterRecipe,
            plan="zoo.training.sorters:plan",
            train="zoo.training.sorters:train",
            load="zoo.sorters.store:load_sorter",
            takes={"train": TRAINS, **DESCRIBES},
            pipeline_tag="other",
            alone=True,
        ),
        Task(
            name="scorer",
            key="scorer",
            recipe=ScoreRecipe,
            plan="zoo.training.scorers:plan",
            train="zoo.training.scorers:train",
            load="zoo.models.scorer:load_scorer",
            evaluate="zoo.evaluation.session:evaluate_scorers",
            takes={
                "train": TRAINS_ON_DATA | {"--loss", "--on-bad-image", "--task", "--column"},
                "eval": EVALUATES
                | {"OTHER", "--confidence", "--report", "--save", "--seed", "--batch-size"}
                | {"--on-bad-image"},
                "index build": INDEXES - {"--captions", "--scales"},
                **SERVES,
                **DESCRIBES,
            },
            pipeline_tag="image-classification",
            alone=True,
        ),
        BothSides(
            name="image and text encoder",
            key="vision_config",
            load="zoo.models.clip:load_clip",
            takes={"eval": EVALUATES_IMAGES, "index build": INDEXES, **SERVES, **DESCRIBES},
        ),
        BothSides(
            name="open_clip",
            key="open_clip",
            load="zoo.models.open_clip:load_open_clip",
            takes={"eval": EVALUATES_IMAGES, "index build": INDEXES, **SERVES, **DESCRIBES},
        ),
        BothSides(
            name="two towers",
            key="two_towers",
            load="zoo.models.two_towers:load_two_towers",
            takes={"eval": EVALUATES_IMAGES, "index build": INDEXES, **SERVES, **DESCRIBES},
        ),
        Task(
            name="text encoder",
            key="model_type",
            load="zoo.models.text_encoder:load_text_encoder",
            takes={"index build": INDEXES_TEXTS, **SERVES, **DESCRIBES},
            pipeline_tag="sentence-similarity",
        ),
        Task(
            name="embedder",
            key="",
            recipe=Recipe,
            plan="zoo.training.embedders:plan",
            train="zoo.training.embedders:train",
            load="zoo.models.embedder:load_embedder",
            evaluate="zoo.evaluation.session:evaluate_embedders",
            takes={
                "train": TRAINS_ON_DATA | {"--loss", "--on-bad-image"} | TRAINS_ON_RAY,
                "eval": EVALUATES_IMAGES,
                "export": EXPORTS | {"--data"},
                "index build": INDEXES,
                **SERVES,
                **DESCRIBES,
            },
        ),
    )
}


def task_of_recipe(kind: type[AnyRecipe]) -> Task:
    """Return the task that recipes of a kind train."""
    return next(task for task in TASKS.values() if task.recipe is kind)


def task_of_config(config: Mapping[str, Any]) -> Task:
    """Return the task of a model folder, from the content of its config.json."""
    return next(task for task in TASKS.values() if task.key in config or not task.key)


def find_model(name: str, *, offline: bool = False) -> tuple[Task, str]:
    """Return the task of the model called `name`, and the folder that `load` opens again.

    A command that does both reads and verifies the files of a model once.

    Raises:
        UnavailableError, IntegrityError: as `load`.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = named("zoo.hub.resolve:resolve_model")(name, offline=offline)
    return task_of_config(named("zoo.cards.model_files:read_config")(folder)), str(folder)


def task_of_model(name: str, *, offline: bool = False) -> Task:
    """Return the task of the model called `name`.

    Raises:
        UnavailableError, IntegrityError: as `load`.
    """
    return find_model(name, offline=offline)[0]


def task_of_models(names: Sequence[str], *, offline: bool = False) -> Task:
    """Return the task of models that are measured together.

    Raises:
        UsageError: they are of several tasks. UnavailableError, IntegrityError: as `load`.
    """
    tasks = [task_of_model(name, offline=offline) for name in names]
    for name, task in zip(names, tasks, strict=True):
        if task.evaluate != tasks[0].evaluate:
            kinds = f"{names[0]} is a {tasks[0].name}, {name} a {task.name}"
            raise UsageError(kinds, "compare two models of one task")
    return tasks[0]


def load(
    name: str, *, revision: str | None = None, offline: bool = False, device: str = "cpu"
) -> "LoadedModel":
    """Return the model called `name` in evaluation mode.

    An image embedder has `.embed_images` and `.transform`, a text encoder `.embed_texts`; a run
    that was trained on captions has both, and loads its text encoder when first asked for words.

    Raises:
        UnavailableError: no such model, or it cannot be reached.
        IntegrityError: its files are not what was promised.
    """
    resolve_model = named("zoo.hub.resolve:resolve_model")
    folder = resolve_model(name, revision=revision, offline=offline)
    model: Any = load_folder(folder).to(device).eval()
    if encoder := named("zoo.embedding.words:encoder_of")(folder):
        reader = partial(load, offline=offline, device=device)
        model.embed_texts = named("zoo.embedding.words:Words")(encoder, reader)
    return cast("LoadedModel", model)


def load_folder(folder: Path) -> "nn.Module":
    """Load a model folder; its config.json says of which task it is."""
    config = named("zoo.cards.model_files:read_config")(folder)
    model: nn.Module = named(task_of_config(config).load)(folder)
    return model


def named(place: str) -> Any:
    """Return what is called `module:name`, importing its module."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
