"""In-shop Clothes Retrieval: shop photographs of a garment, by query and gallery.

rankzoo train inshop-resnet50-supap --data /data/inshop --out runs/inshop

recipe                   hardware    published R@1, and where that was read
inshop-resnet50-supap    -           -
inshop-deits-supap       -           -
"""

from dataclasses import replace

from zoo.recipes import sop
from zoo.recipes.families import SUPRANK_CROPS, adamw, deit_small
from zoo.recipes.recipe import Batch, Data, Recipe, Schedule

SUPAP: Recipe = replace(
    sop.SUPAP,
    name="inshop-resnet50-supap",
    about="ROADMAP on pairs of garment categories",
    data=Data("inshop"),
    augmentation=SUPRANK_CROPS,
    batch=Batch(128, per_class=8, sampler="hierarchical", batches_per_tuple=4),
    schedule=Schedule(50),
    published=None,
)

DEIT_SUPAP = replace(
    SUPAP,
    name="inshop-deits-supap",
    network=deit_small(256, 288, crop_mode="squash"),
    optimiser=adamw(1e-5, 5e-4),
)

RECIPES = (SUPAP, DEIT_SUPAP)
