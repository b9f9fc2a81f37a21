"""The card of a recipe: weights a person must train, and what the literature reports for them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from zoo.cards.results import Result, model_index
from zoo.cards.shelf import all_cards
from zoo.errors import UsageError
from zoo.files import as_yaml
from zoo.recipes import DetectionRecipe, Recipe, ScoreRecipe
from zoo.recipes.find import known_recipe

KINDS = {
    "P": "the paper's own text",
    "C": "the authors' code or its documents",
    "2": "a secondary source",
}
PROTOCOL = "as published, in percent"
Carded = Recipe | ScoreRecipe | DetectionRecipe


@dataclass(frozen=True)
class _Described:
    """What a card says of a kind of recipe; `data` is the dataset, `folder` where it lies."""

    task: str
    tag: str
    loss: Callable[[Any], str]
    data: Callable[[Any], str]
    folder: Callable[[Any], str]


def _set_of(recipe: Carded) -> str:
    """Return the dataset that opens a recipe's name: `coco`, `voc07`, `voc07+12`."""
    return recipe.name.partition("-")[0].replace("0712", "07+12")


DESCRIBED: dict[type, _Described] = {
    Recipe: _Described(
        "image-feature-extraction",
        "retrieval",
        lambda recipe: str(recipe.loss.name),
        lambda recipe: str(recipe.data.reader),
        lambda recipe: str(recipe.data.reader),
    ),
    ScoreRecipe: _Described(
        "image-classification",
        "ranking",
        lambda recipe: f"{recipe.loss.point}, sodeep",
        _set_of,
        _set_of,
    ),
    DetectionRecipe: _Described(
        "object-detection",
        "detection",
        lambda recipe: str(recipe.loss.name),
        _set_of,
        lambda recipe: "VOCdevkit" if recipe.data.layout == "voc" else _set_of(recipe),
    ),
}


def recipe_card(name: str) -> str:
    """Return the card of the recipe called `name`.

    Raises:
        UsageError: there is no such recipe, or it has no card before it is trained.
    """
    recipe = known_recipe(name)
    if not isinstance(recipe, Carded) or recipe.network.backbone is None:
        hint = f"train it, then describe the run: rankzoo train {name} …; rankzoo card new RUN"
        raise UsageError(f"{name} has no card of its own before it is trained", hint)
    head = as_yaml(_front(recipe))
    return f"---\n{head}---\n" + "\n\n".join(_body(recipe)) + "\n"


def published_results(recipe: Carded) -> list[Result]:
    """Return what the literature reports for a recipe, marked as quoted."""
    published = recipe.published
    metrics = dict(published.metrics) if published else {}
    source = f"{published.source} ({KINDS[published.tag]})" if published else ""
    args = {"protocol": PROTOCOL, "provenance": "quoted", "source": source}
    return [Result(dataset_of(recipe), metric, value, args) for metric, value in metrics.items()]


def dataset_of(recipe: Carded) -> str:
    """Return the name of the data a recipe is for."""
    return DESCRIBED[type(recipe)].data(recipe)


def backbone_of(recipe: Carded) -> str:
    """Return the card name of the backbone a recipe starts from."""
    return str(recipe.network.backbone).rpartition("/")[2]


def _front(recipe: Carded) -> dict[str, Any]:
    results = published_results(recipe)
    backbone = all_cards().get(backbone_of(recipe))
    kind = DESCRIBED[type(recipe)]
    front = {
        "license": backbone.license if backbone else "unknown",
        "library_name": "rankzoo",
        "pipeline_tag": kind.task,
        "tags": ["recipe", kind.tag],
        "datasets": [dataset_of(recipe)],
        "metrics": sorted({result.metric for result in results}),
        "model-index": model_index(recipe.name, kind.task, results),
        "rankzoo": {"recipe": recipe.name, "loss": kind.loss(recipe)},
    }
    return {key: value for key, value in front.items() if value}


def _body(recipe: Carded) -> Iterator[str]:
    yield f"# {recipe.name}"
    yield f"{recipe.about[:1].upper()}{recipe.about[1:]}."
    yield "No weights of this set-up are published. Train them:"
    data = DESCRIBED[type(recipe)].folder(recipe)
    yield f"```bash\nrankzoo train {recipe.name} --data {data}/ --out runs/{recipe.name}\n```"
    yield (
        f"It starts from `{backbone_of(recipe)}`, whose licence is the one above; your data may add"
        " conditions of its own."
    )
    if results := published_results(recipe):
        numbers = ", ".join(f"{r.metric} {r.value}" for r in results)
        yield f"The literature reports (quoted, not measured here): {numbers}. {results[0].origin}."
    if recipe.deviates:
        reasons = "\n".join(f"* {field}: {reason}." for field, reason in recipe.deviates.items())
        yield f"What is deliberately not as in the source:\n\n{reasons}"
