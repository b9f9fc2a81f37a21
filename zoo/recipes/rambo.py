"""RaMBO: exact recall by blackbox differentiation, on three retrieval sets.

rankzoo train sop-resnet50-rambo_log --data /data/SOP --out runs/sop

recipe                          hardware    published R@1, and where that was read
sop-resnet50-rambo_log          -           77.8 [P] Rolinek et al., RaMBO, CVPR 2020
sop-resnet50-rambo_loglog       -           78.6 [P] Rolinek et al., RaMBO, CVPR 2020
inshop-resnet50-rambo_log       -           88.1 [P] Rolinek et al., RaMBO, CVPR 2020
inshop-resnet50-rambo_loglog    -           86.3 [P] Rolinek et al., RaMBO, CVPR 2020
cub-resnet50-rambo_log          -           63.5 [P] Rolinek et al., RaMBO, CVPR 2020
cub-resnet50-rambo_loglog       -           64.0 [P] Rolinek et al., RaMBO, CVPR 2020

The paper states the network, the images and the batches; its code has the losses only. Rates,
epochs, images a class, lambda, margin and memory of these recipes are ours (ROADMAP's
configuration of the blackbox loss, the memory of RaMBO's detectors).
"""

from dataclasses import replace

from zoo.recipes.families import ON_TEST, adam, recalls, resnet50, steps
from zoo.recipes.recipe import Augmentation, Batch, Data, LossTerm, Published, Recipe

PAPER = "Rolinek et al., RaMBO, CVPR 2020"


def _loss(weighting: str) -> LossTerm:
    return LossTerm("blackbox_recall", {"weighting": weighting, "memory": 7})


def _pair(base: Recipe, log: Published, loglog: Published) -> tuple[Recipe, Recipe]:
    """Return a set's recipe with the loss in its two weightings."""
    name = f"{base.data.reader}-resnet50-rambo"
    one = replace(base, name=f"{name}_log", loss=_loss("log"), published=log)
    return one, replace(one, name=f"{name}_loglog", loss=_loss("loglog"), published=loglog)


SOP = Recipe(
    name="",
    about="exact recall, blackbox gradient",
    network=resnet50(224, 256, crop_mode="squash"),
    data=Data("sop"),
    augmentation=Augmentation(scale=(1.0, 1.0), window=0.875),
    batch=Batch(128, sampler="hierarchical", batches_per_tuple=10),
    loss=_loss("log"),
    optimiser=adam(1e-5, 1e-4, head_lr=2.0),
    schedule=steps(100, 30, 70),
    deviates={
        "selection": ON_TEST["selection"],
        "rate": "ours: no source states rates, epochs, images a class, lambda, margin or memory",
    },
)
INSHOP = replace(SOP, data=Data("inshop"))
CUB = replace(SOP, data=Data("cub"), batch=Batch(128, sampler="every_image"))


def _paper(**percent: float) -> Published:
    return recalls(PAPER, "P", **percent)


RECIPES = (
    *_pair(
        SOP,
        _paper(r1=77.8, r10=90.1, r100=95.9, r1000=98.7),
        _paper(r1=78.6, r10=90.5, r100=96.0, r1000=98.7),
    ),
    *_pair(
        INSHOP,
        _paper(r1=88.1, r10=97.0, r20=97.9, r30=98.4, r50=98.8),
        _paper(r1=86.3, r10=96.2, r20=97.4, r30=97.9, r50=98.5),
    ),
    *_pair(
        CUB,
        _paper(r1=63.5, r2=74.8, r4=84.1, r8=90.4),
        _paper(r1=64.0, r2=75.3, r4=84.1, r8=90.6),
    ),
)
