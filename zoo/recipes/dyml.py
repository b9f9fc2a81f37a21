"""DyML (dynamic metric learning): animals, vehicles and products at three levels.

rankzoo train dyml_animal-resnet34-happier --data /data/dyml_animal.csv --out runs/animal

The data is read as a manifest with three label columns. Published H-AP was not obtainable. The
networks that start from nothing train their batch norms.

recipe                           hardware   published
dyml_animal-resnet34-happier     -          -
dyml_vehicle-resnet34-happier    -          -
dyml_product-resnet34-happier    -          -
"""

from dataclasses import replace

from zoo.recipes.families import HALF, PROXIES, RESNET34, SUP_HAP, SUPRANK_CROPS
from zoo.recipes.recipe import Batch, Data, Network, Optimiser, Recipe, Schedule

ANIMAL = Recipe(
    name="dyml_animal-resnet34-happier",
    about="HAPPIER on a ResNet-34 from random weights",
    network=Network(
        RESNET34, pooling="avg", size=224, resize=256, batch_norm="train", pretrained=False
    ),
    data=Data("folder", levels=3),
    augmentation=SUPRANK_CROPS,
    batch=Batch(256),
    loss=SUP_HAP,
    extra_loss=PROXIES,
    optimiser=Optimiser("sgd", lr=0.1, weight_decay=1e-4),
    schedule=Schedule(100, kind="cosine", final_lr=1e-6),
    engine=HALF,
)

VEHICLE = replace(ANIMAL, name="dyml_vehicle-resnet34-happier")

PRODUCT = replace(
    ANIMAL,
    name="dyml_product-resnet34-happier",
    about="HAPPIER on a pretrained ResNet-34",
    network=Network(RESNET34, pooling="avg", size=224, resize=256),
    optimiser=Optimiser("sgd", lr=0.01, head_lr=2.0, weight_decay=1e-4),
    schedule=Schedule(20, kind="cosine", final_lr=1e-5),
)

RECIPES = (ANIMAL, VEHICLE, PRODUCT)
