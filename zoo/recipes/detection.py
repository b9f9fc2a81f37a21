"""Recipes of detectors by name: VOC as in RaMBO, COCO as in AP-loss, aLRP and Rank & Sort.

rankzoo train voc07-faster-rcnn-r50-blackbox --data VOCdevkit/ --out runs/voc

Published figures are quoted from the papers and repositories named in `source`, in percent; none of
these was trained by us. `scenes-*` are in `detection_scenes.py`.
"""

from dataclasses import replace

from zoo.recipes.detection_scenes import BLACKBOX
from zoo.recipes.detection_scenes import RECIPES as SCENES
from zoo.recipes.detector import (
    DetectionRecipe,
    DetectorBatch,
    DetectorData,
    DetectorLoss,
    DetectorNetwork,
    DetectorOptimiser,
    DetectorSchedule,
)
from zoo.recipes.recipe import Published

RAMBO = "Rolinek et al., CVPR 2020, table of VOC07 test AP50"
ALRP = "repository kemaloksuz/aLRPLoss, minival"
RANK_SORT = "repository kemaloksuz/RankSortLoss, minival"
STDS = (0.1, 0.1, 0.2, 0.2)
GATHERED = (
    "one process ranks all images of an update in one list; theirs are a list for each GPU, as are "
    "those of several processes (torchrun) here"
)
RESNET101 = "timm/resnet101.tv_in1k"
RESNET50 = DetectorNetwork("faster_rcnn", depth=50, backbone="timm/resnet50.tv_in1k")


def _rambo(ap_50: float) -> Published:
    return Published({"ap_50": ap_50}, RAMBO, "P")


_VOC07 = DetectionRecipe(
    name="voc07-faster-rcnn-r50-ce",
    about="Faster R-CNN R50 on VOC07, cross-entropy: the baseline of RaMBO",
    network=RESNET50,
    data=DetectorData("voc", ("VOC2007/trainval",), "VOC2007/test", scale=(1000, 600)),
    loss=DetectorLoss("cross_entropy"),
    batch=DetectorBatch(8),
    optimiser=DetectorOptimiser(lr=0.1),
    schedule=DetectorSchedule(epochs=12, decay_at=(9,)),
    hardware="1 GPU",
    published=_rambo(74.2),
)


def _blackbox(baseline: DetectionRecipe, ap_50: float) -> DetectionRecipe:
    return replace(
        baseline,
        name=baseline.name.removesuffix("ce") + "blackbox",
        about=baseline.about.partition(",")[0] + ", AP and inter-class AP by blackbox (RaMBO)",
        loss=DetectorLoss("blackbox_ap", BLACKBOX),
        published=_rambo(ap_50),
        deviates={
            "margin": "fixed, as the paper has it; the released code draws it for each score"
        },
    )


_VOC0712 = replace(
    _VOC07,
    name="voc0712-faster-rcnn-r50-ce",
    about="Faster R-CNN R50 on VOC07+12, cross-entropy: the baseline of RaMBO",
    data=replace(_VOC07.data, train=("VOC2007/trainval", "VOC2012/trainval")),
    published=_rambo(80.4),
)
_VOC0712_R101 = replace(
    _VOC0712,
    name="voc0712-faster-rcnn-r101-ce",
    about="Faster R-CNN R101 on VOC07+12, cross-entropy: the baseline of RaMBO",
    network=replace(RESNET50, depth=101, backbone=RESNET101),
    published=_rambo(82.4),
)
_VOC0712_X101 = replace(
    _VOC0712,
    name="voc0712-faster-rcnn-x101-ce",
    about="Faster R-CNN X101-32x4d on VOC07+12, cross-entropy: the baseline of RaMBO",
    network=replace(
        RESNET50, depth=101, backbone="timm/resnext101_32x4d.gluon_in1k", groups=(32, 4)
    ),
    published=_rambo(83.2),
)
_COCO_FOCAL = DetectionRecipe(
    name="coco-retinanet-r50-focal",
    about="RetinaNet R50 on COCO, focal loss",
    network=replace(RESNET50, detector="retinanet"),
    data=DetectorData("coco", ("train2017",), "val2017", bad_boxes="skip"),
    loss=DetectorLoss("focal"),
    hardware="8 GPUs",
)
_COCO_AP = replace(
    _COCO_FOCAL,
    name="coco-retinanet-r50-ap",
    about="RetinaNet R50-500 on COCO, AP-loss as trained in the aLRP repository",
    network=replace(_COCO_FOCAL.network, octave=(4, 2), box_stds=STDS),
    data=replace(_COCO_FOCAL.data, scale=(833, 500), augmentation="ssd", squash=512),
    loss=DetectorLoss("ap"),
    batch=DetectorBatch(32),
    optimiser=DetectorOptimiser(lr=0.002),
    schedule=DetectorSchedule(epochs=100, decay_at=(60, 80)),
    hardware="4 GPUs",
    published=Published({"ap": 35.4}, ALRP, "C"),
    deviates={"list": GATHERED},
)
_COCO_ALRP = replace(
    _COCO_AP,
    name="coco-retinanet-r50-alrp",
    about="RetinaNet R50-500 on COCO, aLRP",
    loss=DetectorLoss("alrp", {"period": 3665}),
    optimiser=DetectorOptimiser(lr=0.008),
    published=Published({"ap": 39.0}, ALRP, "C"),
)
_COCO_ATSS = replace(
    _COCO_FOCAL,
    name="coco-atss-r50-rank-sort",
    about="ATSS R50 on COCO, Rank & Sort",
    network=replace(RESNET50, detector="atss", octave=(4, 3)),
    loss=DetectorLoss("rank_sort"),
    optimiser=DetectorOptimiser(lr=0.008),
    hardware="4 GPUs",
    published=Published({"ap": 39.9}, RANK_SORT, "C"),
    deviates={"list": GATHERED},
)
_COCO_FASTER = replace(
    _COCO_ATSS,
    name="coco-faster-rcnn-r50-rank-sort",
    about="Faster R-CNN R50 on COCO, Rank & Sort",
    network=replace(RESNET50, score_threshold=0.4, box_stds=STDS),
    optimiser=DetectorOptimiser(lr=0.012),
    published=Published({"ap": 39.6}, RANK_SORT, "C"),
)
_COCO_CASCADE = replace(
    _COCO_FASTER,
    name="coco-cascade-rcnn-r50-rank-sort",
    about="Cascade R-CNN R50 on COCO, Rank & Sort",
    network=replace(_COCO_FASTER.network, detector="cascade_rcnn"),
    published=Published({"ap": 41.3}, RANK_SORT, "C"),
)
_COCO_DEFORMABLE = replace(
    _COCO_FASTER,
    name="coco-faster-rcnn-r101-dcn-rank-sort",
    about="Faster R-CNN R101 with deformable convolutions on COCO, Rank & Sort",
    network=replace(_COCO_FASTER.network, depth=101, backbone=RESNET101, deformable=True),
    data=replace(_COCO_FASTER.data, shorter=tuple(range(480, 961, 80))),
    schedule=DetectorSchedule(epochs=36, decay_at=(27, 33)),
    published=Published({"ap": 47.6}, RANK_SORT, "C"),
)


def _alrp_wide_rows() -> tuple[DetectionRecipe, ...]:
    """Return aLRP with ATSS on ResNet-101 and ResNeXt-101 at 800 pixels."""
    plain = replace(RESNET50, detector="atss", depth=101, backbone=RESNET101, octave=(4, 3))
    wide = replace(plain, backbone="timm/resnext101_64x4d.tv_in1k", groups=(64, 4))
    modulated = {"network": "deformable convolutions as first published; theirs are modulated"}
    return tuple(
        replace(
            _COCO_ALRP,
            name=f"coco-atss-{name}-alrp-800",
            about=f"ATSS {about}-800 on COCO, aLRP",
            network=network,
            data=replace(_COCO_ALRP.data, scale=(1333, 800), squash=800),
            batch=DetectorBatch(16),
            optimiser=DetectorOptimiser(lr=0.004),
            published=Published({"ap": ap}, ALRP, "C"),
            deviates={"list": GATHERED, **more},
        )
        for name, about, network, ap, more in (
            ("r101", "R101", plain, 45.4, {}),
            ("x101", "X101-64x4d", wide, 47.2, {}),
            ("x101-dcn", "X101-64x4d-DCN", replace(wide, deformable=True), 48.6, modulated),
        )
    )


def _ap_rows() -> tuple[DetectionRecipe, ...]:
    """Return AP-loss as its own repository trains it, on COCO and VOC."""
    on_coco = replace(
        _COCO_AP,
        name="coco-retinanet-r101-ap",
        about="RetinaNet R101-512 on COCO, AP-loss as its authors train it",
        network=replace(_COCO_AP.network, depth=101, backbone=RESNET101),
        batch=DetectorBatch(16),
        optimiser=DetectorOptimiser(lr=0.001),
        hardware="2 GPUs",
        published=None,
        deviates={
            "list": GATHERED,
            "weights": "torchvision's ResNet-101 and RGB; theirs is Caffe's, in BGR",
            "warmup_from": "a thousandth of the rate; theirs begins at a third of it",
        },
    )
    on_voc = replace(
        on_coco,
        name="voc0712-retinanet-r101-ap",
        about="RetinaNet R101-512 on VOC07+12, AP-loss as its authors train it",
        data=replace(on_coco.data, layout="voc", train=_VOC0712.data.train, test="VOC2007/test"),
        schedule=DetectorSchedule(epochs=160, decay_at=(110, 140)),
    )
    return on_coco, on_voc


def _alrp_rows() -> tuple[DetectionRecipe, ...]:
    """Return aLRP with ATSS and Faster R-CNN, and its Faster R-CNN baselines, at 512 pixels."""
    schedule = DetectorSchedule(epochs=100, decay_at=(75, 95))
    atss = replace(RESNET50, detector="atss", octave=(4, 2))
    deep = replace(atss, depth=101, backbone=RESNET101)
    wide = replace(deep, backbone="timm/resnext101_64x4d.tv_in1k", groups=(64, 4))
    rows = []
    for name, about, network, ap in (
        ("r50", "R50", atss, 41.0),
        ("r101", "R101", deep, 42.2),
        ("x101", "X101-64x4d", wide, 44.5),
    ):
        rows.append(
            replace(
                _COCO_ALRP,
                name=f"coco-atss-{name}-alrp",
                about=f"ATSS {about}-500 on COCO, aLRP",
                network=network,
                schedule=schedule,
                published=Published({"ap": ap}, ALRP, "C"),
            )
        )
    faster = replace(
        _COCO_ALRP,
        name="coco-faster-rcnn-r50-alrp",
        about="Faster R-CNN R50-500 on COCO, aLRP",
        network=replace(RESNET50, box_stds=STDS),
        optimiser=DetectorOptimiser(lr=0.012),
        schedule=schedule,
        published=Published({"ap": 40.7}, ALRP, "C"),
    )
    baseline = replace(
        faster,
        name="coco-faster-rcnn-r50-ce",
        about="Faster R-CNN R50-500 on COCO, cross-entropy: the baseline of aLRP",
        network=RESNET50,
        loss=DetectorLoss("cross_entropy"),
        optimiser=DetectorOptimiser(lr=0.04),
        published=Published({"ap": 37.8}, ALRP, "C"),
        deviates={},
    )
    return *rows, faster, baseline


RECIPES = (
    _VOC07,
    _blackbox(_VOC07, 75.7),
    _VOC0712,
    _blackbox(_VOC0712, 81.4),
    _VOC0712_R101,
    _blackbox(_VOC0712_R101, 82.9),
    _VOC0712_X101,
    _blackbox(_VOC0712_X101, 83.6),
    _COCO_FOCAL,
    _COCO_AP,
    _COCO_ALRP,
    _COCO_ATSS,
    _COCO_FASTER,
    _COCO_CASCADE,
    _COCO_DEFORMABLE,
    *_alrp_rows(),
    *_alrp_wide_rows(),
    *_ap_rows(),
    *SCENES,
)
