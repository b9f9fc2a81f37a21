"""SfM-120k: landmarks by 3D model, evaluated on revisited Oxford and Paris.

rankzoo train sfm120k-deits-supap --data /data/sfm120k --out runs/sfm120k
rankzoo eval runs/sfm120k --protocol roxford --data /data/roxford5k

recipe                 hardware    published hard mAP, and where that was read
sfm120k-deits-supap    -           -
"""

from dataclasses import replace

from zoo.recipes import cub
from zoo.recipes.families import SUPRANK_CROPS, adamw, deit_small
from zoo.recipes.recipe import Data, Recipe, Schedule

DEIT_SUPAP: Recipe = replace(
    cub.DEIT_SUPAP,
    name="sfm120k-deits-supap",
    about="ROADMAP on 3D models of landmarks",
    data=Data("sfm120k"),
    network=deit_small(224, 224, crop_mode="squash"),
    augmentation=SUPRANK_CROPS,
    optimiser=adamw(1e-5, 5e-4),
    schedule=Schedule(50),
    published=None,
)

RECIPES = (DEIT_SUPAP,)
