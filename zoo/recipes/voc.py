"""VOC 2007 multi-label classification: trainval to test.

WILDCAT's set-up on ResNet-101 (448 px squashed, batch 16, SGD 0.01 with a tenth of it for the
backbone, 20 epochs), on which SoDeep's authors measured 93.2 without and 94.0 with their loss; the
weight of the rank loss was never published: 1 is our choice. VGG16 has a plain head and is ours.
"""

from collections.abc import Mapping
from dataclasses import replace

from zoo.recipes.recipe import Augmentation, Published
from zoo.recipes.scores import ScoreNetwork, ScoreRecipe, TwoPartLoss

_SOURCE = "Engilberge et al., SoDeep, CVPR 2019, table 4"
SELECTED: Mapping[str, str] = {
    "difficult": "left out in training as in the test; theirs are positives in training",
    "selection": "the last weights are kept; theirs are the best on the test set",
    "incomplete": "the last batch is left out of an epoch when it is not whole; theirs is kept",
}

VGG16_BCE = ScoreRecipe(
    name="voc07-vgg16-bce",
    about="VGG16 with the multi-label soft margin alone",
    task="labels",
    network=ScoreNetwork("timm/vgg16.tv_in1k", size=448),
    loss=TwoPartLoss("soft_margin"),
    hardware="one GPU",
    deviates={"source": "ours: no source trains VGG16 by WILDCAT's schedule"},
)
VGG16_SODEEP = replace(
    VGG16_BCE,
    name="voc07-vgg16-sodeep",
    about="VGG16 with the soft margin and SoDeep's mAP loss",
    loss=TwoPartLoss("soft_margin", rank_weight=1.0),
)
WILDCAT = replace(
    VGG16_BCE,
    name="voc07-resnet101-wildcat",
    about="WILDCAT on ResNet-101: eight maps a label, highest and lowest places",
    network=ScoreNetwork(
        "timm/resnet101.tv_in1k",
        size=448,
        pooling="wildcat",
        crop_mode="squash",
        batch_norm="train",
    ),
    augmentation=Augmentation(scale=(1.0, 1.0), window=1.0),
    published=Published(
        {"voc_map_area": 93.2}, f"{_SOURCE} (its authors' own run of WILDCAT)", "P"
    ),
    deviates=SELECTED,
)
RESNET101_SODEEP = replace(
    WILDCAT,
    name="voc07-resnet101-sodeep",
    about="WILDCAT on ResNet-101 with the soft margin and SoDeep's mAP loss",
    loss=TwoPartLoss("soft_margin", rank_weight=1.0),
    published=Published({"voc_map_area": 94.0}, f"{_SOURCE} (WILDCAT on ResNet-101)", "P"),
    deviates={
        **SELECTED,
        "weight": "1: the weight of the rank loss is published nowhere",
        "reduction": "a mean over positives and classes; theirs is a sum",
        "sorter": "the closed form for any length; theirs is an LSTM trained for 100 scores",
    },
)

RECIPES = (VGG16_BCE, VGG16_SODEEP, WILDCAT, RESNET101_SODEEP)
