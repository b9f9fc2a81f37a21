"""VOC 2007 multi-label classification: trainval to test, mAP with 11 points.

The schedule is WILDCAT's (448 px, batch 16, SGD 0.01 with a tenth of it for the backbone, 20
epochs), on which SoDeep's authors measured 93.2 without and 94.0 with their loss; ours has the
plain backbone and head, and no weight of the rank loss was ever published: 1 is our choice.
"""

from dataclasses import replace

from zoo.recipes.recipe import Published
from zoo.recipes.scores import ScoreNetwork, ScoreRecipe, TwoPartLoss

_SOURCE = "Engilberge et al., SoDeep, CVPR 2019, table 4"

VGG16_BCE = ScoreRecipe(
    name="voc07-vgg16-bce",
    about="VGG16 with the multi-label soft margin alone",
    task="labels",
    network=ScoreNetwork("timm/vgg16.tv_in1k", size=448),
    loss=TwoPartLoss("soft_margin"),
    hardware="one GPU",
    published=Published(
        {"voc_map_11_point": 89.3}, f"{_SOURCE} (the published VGG16 baseline it quotes)", "P"
    ),
)
VGG16_SODEEP = replace(
    VGG16_BCE,
    name="voc07-vgg16-sodeep",
    about="VGG16 with the soft margin and SoDeep's mAP loss",
    loss=TwoPartLoss("soft_margin", rank_weight=1.0),
    published=None,
)
RESNET101_SODEEP = replace(
    VGG16_SODEEP,
    name="voc07-resnet101-sodeep",
    about="ResNet-101 with the soft margin and SoDeep's mAP loss",
    network=ScoreNetwork("timm/resnet101.tv_in1k", size=448),
    published=Published(
        {"voc_map_11_point": 94.0},
        f"{_SOURCE} (WILDCAT on ResNet-101; 93.2 without SoDeep)",
        "P",
    ),
)

RECIPES = (VGG16_BCE, VGG16_SODEEP, RESNET101_SODEEP)
