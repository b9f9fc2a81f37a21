"""The card of a recipe: weights a person must train, and what the literature reports for them."""

from collections.abc import Iterator
from typing import Any

import yaml

from zoo.cards.results import Result, model_index
from zoo.cards.shelf import all_cards
from zoo.errors import UsageError
from zoo.recipes import RECIPES, Recipe, ScoreRecipe, recipes_of

KINDS = {
    "P": "the paper's own text",
    "C": "the authors' code or its documents",
    "2": "a secondary source",
}
PROTOCOL = "as published, in percent"


def known_recipes() -> dict[str, Recipe | ScoreRecipe]:
    """Return every recipe that may have a card."""
    return {**recipes_of(Recipe), **recipes_of(ScoreRecipe)}


def recipe_names() -> set[str]:
    """Return every name a card may give as its recipe; sorters are shipped, so need no card."""
    return set(RECIPES)


def recipe_card(name: str) -> str:
    """Return the card of the recipe called `name`.

    Raises:
        UsageError: there is no such recipe.
    """
    if name not in known_recipes():
        raise UsageError(f"no recipe is called {name!r}", f"known: {', '.join(known_recipes())}")
    recipe = known_recipes()[name]
    head = yaml.safe_dump(_front(recipe), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{head}---\n" + "\n\n".join(_body(recipe)) + "\n"


def published_results(recipe: Recipe | ScoreRecipe) -> list[Result]:
    """Return what the literature reports for a recipe, marked as quoted."""
    published = recipe.published
    metrics = dict(published.metrics) if published else {}
    source = f"{published.source} ({KINDS[published.tag]})" if published else ""
    args = {"protocol": PROTOCOL, "provenance": "quoted", "source": source}
    return [Result(dataset_of(recipe), metric, value, args) for metric, value in metrics.items()]


def dataset_of(recipe: Recipe | ScoreRecipe) -> str:
    """Return the name of the data a recipe is for."""
    return recipe.data.reader if isinstance(recipe, Recipe) else recipe.name.partition("-")[0]


def backbone_of(recipe: Recipe | ScoreRecipe) -> str:
    """Return the card name of the backbone a recipe starts from."""
    return recipe.network.backbone.rpartition("/")[2]


def _front(recipe: Recipe | ScoreRecipe) -> dict[str, Any]:
    results = published_results(recipe)
    backbone = all_cards().get(backbone_of(recipe))
    if isinstance(recipe, ScoreRecipe):
        loss, task, tag = f"{recipe.loss.point}, sodeep", "image-classification", "ranking"
    else:
        loss, task, tag = recipe.loss.name, "image-feature-extraction", "retrieval"
    front = {
        "license": backbone.license if backbone else "unknown",
        "library_name": "rankzoo",
        "pipeline_tag": task,
        "tags": ["recipe", tag],
        "datasets": [dataset_of(recipe)],
        "metrics": sorted({result.metric for result in results}),
        "model-index": model_index(recipe.name, task, results),
        "rankzoo": {"recipe": recipe.name, "loss": loss},
    }
    return {key: value for key, value in front.items() if value}


def _body(recipe: Recipe | ScoreRecipe) -> Iterator[str]:
    yield f"# {recipe.name}"
    yield f"{recipe.about[:1].upper()}{recipe.about[1:]}."
    yield "No weights of this set-up are published. Train them:"
    data = dataset_of(recipe)
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
