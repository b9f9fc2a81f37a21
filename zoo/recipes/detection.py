"""Recipes of detectors by name: VOC as in RaMBO, COCO as in AP-loss, aLRP and Rank & Sort.

rankzoo train voc07-faster-rcnn-r50-blackbox --data VOCdevkit/ --out runs/voc

Published figures are quoted from the papers and repositories named in `source`, in percent; none of
these was trained by us. `scenes-*` are ours, for two CPU cores, on `zoo.data.synthetic.scenes`.
"""

from dataclasses import replace

from zoo.recipes.detector import DetectionRecipe

RAMBO = "Rolinek et al., CVPR 2020, table of VOC07 test AP50"
ALRP = "repository kemaloksuz/aLRPLoss, minival"
RANK_SORT = "repository kemaloksuz/RankSortLoss, minival"

_VOC07 = DetectionRecipe(
    name="voc07-faster-rcnn-r50-ce",
    about="Faster R-CNN R50 on VOC07, cross-entropy: the baseline of RaMBO",
    detector="faster_rcnn",
    loss="cross_entropy",
    layout="voc",
    train=("VOC2007/trainval",),
    test="VOC2007/test",
    depth=50,
    backbone="timm/resnet50.tv_in1k",
    scale=(1000, 600),
    batch=8,
    lr=0.1,
    epochs=12,
    decay_at=(9,),
    hardware="1 GPU",
    published={"ap_50": 74.2},
    source=RAMBO,
)
_BLACKBOX = {"lam": 0.5, "margin": 0.15, "memory": 7}


def _blackbox(baseline: DetectionRecipe, ap_50: float) -> DetectionRecipe:
    return replace(
        baseline,
        name=baseline.name.removesuffix("ce") + "blackbox",
        about=baseline.about.partition(",")[0] + ", AP and inter-class AP by blackbox (RaMBO)",
        loss="blackbox_ap",
        loss_options=_BLACKBOX,
        published={"ap_50": ap_50},
    )


_VOC0712 = replace(
    _VOC07,
    name="voc0712-faster-rcnn-r50-ce",
    about="Faster R-CNN R50 on VOC07+12, cross-entropy: the baseline of RaMBO",
    train=("VOC2007/trainval", "VOC2012/trainval"),
    published={"ap_50": 80.4},
)
_VOC0712_R101 = replace(
    _VOC0712,
    name="voc0712-faster-rcnn-r101-ce",
    about="Faster R-CNN R101 on VOC07+12, cross-entropy: the baseline of RaMBO",
    depth=101,
    backbone="timm/resnet101.tv_in1k",
    published={"ap_50": 82.4},
)
_COCO_FOCAL = DetectionRecipe(
    name="coco-retinanet-r50-focal",
    about="RetinaNet R50 on COCO, focal loss",
    detector="retinanet",
    loss="focal",
    layout="coco",
    train=("train2017",),
    test="val2017",
    depth=50,
    backbone="timm/resnet50.tv_in1k",
    bad_boxes="skip",
    hardware="8 GPUs",
)
_COCO_AP = replace(
    _COCO_FOCAL,
    name="coco-retinanet-r50-ap",
    about="RetinaNet R50-500 on COCO, AP-loss as trained in the aLRP repository",
    loss="ap",
    scale=(833, 500),
    batch=32,
    lr=0.002,
    epochs=100,
    decay_at=(75, 95),
    hardware="4 GPUs",
    published={"ap": 35.4},
    source=ALRP,
)
_COCO_ALRP = replace(
    _COCO_AP,
    name="coco-retinanet-r50-alrp",
    about="RetinaNet R50-500 on COCO, aLRP",
    loss="alrp",
    loss_options={"period": 3665},
    lr=0.008,
    published={"ap": 39.0},
)
_COCO_ATSS = replace(
    _COCO_FOCAL,
    name="coco-atss-r50-rank-sort",
    about="ATSS R50 on COCO, Rank & Sort",
    detector="atss",
    loss="rank_sort",
    lr=0.008,
    hardware="4 GPUs",
    published={"ap": 39.9},
    source=RANK_SORT,
)
_COCO_FASTER = replace(
    _COCO_ATSS,
    name="coco-faster-rcnn-r50-rank-sort",
    about="Faster R-CNN R50 on COCO, Rank & Sort",
    detector="faster_rcnn",
    lr=0.012,
    score_threshold=0.4,
    published={"ap": 39.6},
)
_SCENES = DetectionRecipe(
    name="scenes-retinanet-r18-focal",
    about="RetinaNet R18 from random weights on generated scenes, focal loss",
    detector="retinanet",
    loss="focal",
    layout="coco",
    train=("train",),
    test="test",
    depth=18,
    channels=64,
    scale=(160, 160),
    batch=4,
    optimiser="adamw",  # from random weights SGD at .05 found nothing in 240 steps
    lr=1e-3,
    epochs=12,
    decay_at=(9,),
    warmup_steps=20,
    clip_norm=35.0,
    hardware="2 CPU cores",
)
_SCENES_FASTER = replace(
    _SCENES,
    name="scenes-faster-rcnn-r18-ce",
    about="Faster R-CNN R18 from random weights on generated scenes, cross-entropy",
    detector="faster_rcnn",
    loss="cross_entropy",
    proposals=100,
    regions=64,
)


def _on_scenes(name: str, loss: str) -> DetectionRecipe:
    baseline = _SCENES_FASTER if "faster" in name else _SCENES
    about = f"{baseline.about.rpartition(',')[0]}, {loss.replace('_', ' ')}"
    options = {"period": 60} if loss == "alrp" else _BLACKBOX if loss == "blackbox_ap" else {}
    return replace(baseline, name=name, about=about, loss=loss, loss_options=options)  # type: ignore[arg-type]


DETECTION_RECIPES: dict[str, DetectionRecipe] = {
    recipe.name: recipe
    for recipe in (
        _VOC07,
        _blackbox(_VOC07, 75.7),
        _VOC0712,
        _blackbox(_VOC0712, 81.4),
        _VOC0712_R101,
        _blackbox(_VOC0712_R101, 82.9),
        _COCO_FOCAL,
        _COCO_AP,
        _COCO_ALRP,
        _COCO_ATSS,
        _COCO_FASTER,
        _SCENES,
        _on_scenes("scenes-retinanet-r18-ap", "ap"),
        _on_scenes("scenes-retinanet-r18-alrp", "alrp"),
        _on_scenes("scenes-retinanet-r18-rank-sort", "rank_sort"),
        _SCENES_FASTER,
        _on_scenes("scenes-faster-rcnn-r18-blackbox", "blackbox_ap"),
        _on_scenes("scenes-faster-rcnn-r18-rank-sort", "rank_sort"),
    )
}
