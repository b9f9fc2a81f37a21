"""In-shop Clothes Retrieval: shop photographs of a garment, by query and gallery.

rankzoo train inshop-resnet50-supap --data /data/inshop --out runs/inshop

recipe                   hardware   published R@1
inshop-resnet50-supap    -          -

The published set-ups for this set do not print their learning rates; this one is the sop recipe,
whose data it resembles, and claims no published number.
"""

from dataclasses import replace

from zoo.recipes import sop
from zoo.recipes.recipe import Data, Recipe

SUPAP: Recipe = replace(
    sop.SUPAP,
    name="inshop-resnet50-supap",
    about="ROADMAP's settings for SOP, on pairs of garment categories",
    data=Data("inshop"),
    published=None,
)

RECIPES = (SUPAP,)
