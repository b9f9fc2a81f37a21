"""DyML (dynamic metric learning): animals, vehicles and products at three levels.

rankzoo train dyml_animal-resnet34-happier --data /data/DyML-Animal --out runs/dyml_animal

recipe                           hardware    published mAP, and where that was read
dyml_animal-resnet34-happier     -           43.8 [2] a leaderboard mirror
dyml_vehicle-resnet34-happier    -           37.0 [2] a leaderboard mirror
dyml_product-resnet34-happier    -           38.0 [2] a leaderboard mirror
dyml_animal-resnet34-csl         -           -
dyml_vehicle-resnet34-csl        -           -
dyml_product-resnet34-csl        -           -
dyml_animal-resnet34-supndcg     -           -
dyml_vehicle-resnet34-supndcg    -           -
dyml_product-resnet34-supndcg    -           -

HAPPIER's networks, also where they start from random weights (their batch norms then train). The
published numbers are means over the levels of each set's own query lists.
"""

from dataclasses import replace
from typing import Any

from zoo.recipes.families import (
    HALF,
    HALF_LOSS,
    MIRROR,
    PROXIES,
    RESNET34,
    SUP_HAP,
    SUPRANK_CROPS,
    cosine,
    driven,
    network,
    sgd,
    weighted,
)
from zoo.recipes.recipe import Batch, Data, LossTerm, Published, Recipe

SUP_NDCG = LossTerm("sup_ndcg", {"query": "positive"}, weight=0.9)
MARGINS = LossTerm("cross_level", {"margins": [0.25, 0.35, 0.45]})


def _published(mean_average_precision: float) -> Published:
    return Published({"mean_average_precision": mean_average_precision}, MIRROR, "2")


HEAD: dict[str, Any] = {"pooling": "avg", "layer_norm": "plain", "dim": 512}
VEHICLE = Recipe(
    name="dyml_vehicle-resnet34-happier",
    about="HAPPIER on a ResNet-34 from random weights",
    network=network(RESNET34, 224, 256, **HEAD, batch_norm="train", pretrained=False),
    data=Data("dyml_vehicle", levels=3),
    augmentation=SUPRANK_CROPS,
    batch=Batch(256, sampler="every_image"),
    loss=SUP_HAP,
    extra_loss=driven(PROXIES, sgd(0.1, 1e-4), final_lr=1e-6),
    optimiser=sgd(0.1, 1e-4),
    schedule=cosine(100, final_lr=1e-6),
    engine=HALF,
    published=_published(37.0),
    deviates=HALF_LOSS,
)

ANIMAL = replace(
    VEHICLE,
    name="dyml_animal-resnet34-happier",
    about="HAPPIER in equal parts on a ResNet-34 from random weights",
    data=Data("dyml_animal", levels=3),
    loss=weighted(SUP_HAP, 0.5),
    extra_loss=driven(weighted(PROXIES, 0.5), sgd(0.1, 1e-4), final_lr=1e-6),
    published=_published(43.8),
)

PRODUCT = replace(
    VEHICLE,
    name="dyml_product-resnet34-happier",
    about="HAPPIER on a pretrained ResNet-34",
    network=network(RESNET34, 224, 256, **HEAD),
    data=Data("dyml_product", levels=3),
    extra_loss=driven(PROXIES, sgd(0.01, 1e-4, head_lr=2.0), final_lr=1e-5),
    optimiser=sgd(0.01, 1e-4, head_lr=2.0),
    schedule=cosine(20, final_lr=1e-5, paused=5),
    published=_published(38.0),
)


def _csl(recipe: Recipe) -> Recipe:
    backbone = replace(recipe.optimiser, head_lr=1.0)
    return replace(
        recipe,
        name=recipe.name.replace("happier", "csl"),
        about="CSL, HAPPIER's baseline: one margin per level against class proxies",
        loss=driven(MARGINS, backbone, recipe.schedule.final_lr),
        extra_loss=None,
        published=None,
    )


def _ndcg(recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        name=recipe.name.replace("happier", "supndcg"),
        about="SupRank's Sup-NDCG and clustering on HAPPIER's network",
        loss=weighted(SUP_NDCG, recipe.loss.weight),
        published=None,
    )


HAPPIER = (ANIMAL, VEHICLE, PRODUCT)
RECIPES = (*HAPPIER, *map(_csl, HAPPIER), *map(_ndcg, HAPPIER))
