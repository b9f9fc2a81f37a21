"""A recipe's network for mmdetection: a configuration it ships, with a few lines changed."""

import runpy
from pathlib import Path
from typing import Any

from torch import nn

from zoo.detection.bridge import require_mmdet, without_warnings
from zoo.errors import UsageError
from zoo.recipes.detector import DetectionRecipe

SHIPPED = {
    "retinanet": "_base_/models/retinanet_r50_fpn.py",
    "atss": "atss/atss_r50_fpn_1x_coco.py",
    "faster_rcnn": "_base_/models/faster-rcnn_r50_fpn.py",
    "cascade_rcnn": "_base_/models/cascade-rcnn_r50_fpn.py",
}
RANKINGS = {"ap": "APRanking", "alrp": "ALRPRanking", "rank_sort": "RankSortRanking"}
RANKED_HEADS = {"retinanet": "RankedRetinaHead", "atss": "RankedATSSHead"}
EVERY_REGION = 10**10  # more than there can be: a sampler that leaves none out
REGION_WEIGHT = 0.2  # of the proposal network's losses in the ranking papers


def network_config(recipe: DetectionRecipe, labels: int) -> dict[str, Any]:
    """Return the `model` part of the recipe's mmdetection configuration, for `labels` classes."""
    model = shipped_config(recipe.network.detector)
    _set_backbone(model, recipe)
    _set_width(model, recipe.network.channels)
    _set_anchors(model, recipe)
    two_stage = "roi_head" in model
    for head in (heads := _heads(model)):
        head["num_classes"] = labels
    test = model["test_cfg"]["rcnn"] if two_stage else model["test_cfg"]
    test["score_thr"] = recipe.network.score_threshold
    if two_stage:
        model["train_cfg"]["rpn_proposal"]["max_per_img"] = recipe.network.proposals
        model["test_cfg"]["rpn"]["max_per_img"] = recipe.network.proposals
        for stage in _listed(model["train_cfg"]["rcnn"]):
            stage["sampler"]["num"] = recipe.network.regions
    if recipe.loss.name == "blackbox_ap":
        heads[0].update(type="BlackboxAPBBoxHead", ranking=dict(recipe.loss.options))
    elif recipe.loss.name in RANKINGS:
        ranking = {"type": RANKINGS[recipe.loss.name], **recipe.loss.options}
        (_rank_regions if two_stage else _rank_anchors)(model, recipe, ranking)
    elif recipe.loss.options:
        for head in heads:
            head["loss_cls"].update(recipe.loss.options)
    return model


def build_network(recipe: DetectionRecipe, labels: int) -> nn.Module:
    """Return the recipe's detector with random weights.

    Raises:
        UsageError: mmdetection is missing, or the loss does not take the recipe's options.
    """
    require_mmdet()
    from mmdet.registry import MODELS
    from mmengine.config import ConfigDict
    from mmengine.registry import DefaultScope

    import zoo.detection.heads  # noqa: F401  registers the heads

    config = ConfigDict(network_config(recipe, labels))
    try:
        with DefaultScope.overwrite_default_scope("mmdet"), without_warnings():
            model: nn.Module = MODELS.build(config)
    except TypeError as error:
        raise UsageError(f"{recipe.name}: {error}", "see the options of the loss") from error
    return model


def shipped_config(detector: str) -> dict[str, Any]:
    """Return the `model` that mmdetection's own configuration files hold for a detector."""
    require_mmdet()
    import mmdet

    path = Path(mmdet.__file__).parent / ".mim" / "configs" / SHIPPED[detector]
    model: dict[str, Any] = runpy.run_path(str(path))["model"]
    return model


def _set_backbone(model: dict[str, Any], recipe: DetectionRecipe) -> None:
    if recipe.network.architecture is None:
        _set_resnet(model, recipe)
    else:
        _set_timm(model, recipe.network.architecture, rest=recipe.network.backbone is not None)


def _set_timm(model: dict[str, Any], architecture: str, *, rest: bool) -> None:
    """Stand the detector on a timm network, which is given pixels as it knows them."""
    from zoo.detection.timm_backbone import features_of

    found = features_of(architecture)
    model["backbone"] = {"type": "TimmBackbone", "architecture": architecture, "rest": rest}
    model["neck"]["in_channels"] = list(found.widths)
    pixels = {"mean": found.mean, "std": found.std}
    model["data_preprocessor"].update({k: [255 * v for v in each] for k, each in pixels.items()})


def _set_resnet(model: dict[str, Any], recipe: DetectionRecipe) -> None:
    widths = [64, 128, 256, 512] if recipe.network.depth < 50 else [256, 512, 1024, 2048]
    model["neck"]["in_channels"] = widths
    model["backbone"].update(depth=recipe.network.depth, init_cfg=None)  # weights are loaded by us
    if recipe.network.groups is not None:
        groups, width = recipe.network.groups
        model["backbone"].update(type="ResNeXt", groups=groups, base_width=width)
    if recipe.network.deformable:
        convolution = {"type": "DCN", "deform_groups": 1, "fallback_on_stride": False}
        model["backbone"].update(dcn=convolution, stage_with_dcn=(False, True, True, True))
    if recipe.network.backbone is None:
        model["backbone"].update(frozen_stages=-1, norm_eval=False, zero_init_residual=False)


def _set_width(model: dict[str, Any], channels: int) -> None:
    """Give pyramid and heads another width than the 256 that mmdetection ships."""
    model["neck"]["out_channels"] = channels
    for name in ("bbox_head", "rpn_head"):
        if name in model:
            model[name].update(in_channels=channels, feat_channels=channels)
    if "roi_head" in model:
        model["roi_head"]["bbox_roi_extractor"]["out_channels"] = channels
        for head in _heads(model):
            head.update(in_channels=channels, fc_out_channels=4 * channels)


def _heads(model: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the heads that score labels: one, or one a stage of a cascade."""
    found: list[dict[str, Any]] = _listed(
        model["roi_head"]["bbox_head"] if "roi_head" in model else model["bbox_head"]
    )
    return found


def _listed(one_or_more: Any) -> Any:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def _set_anchors(model: dict[str, Any], recipe: DetectionRecipe) -> None:
    head = model["rpn_head"] if "rpn_head" in model else model["bbox_head"]
    if recipe.network.octave is not None:
        base, scales = recipe.network.octave
        head["anchor_generator"].update(octave_base_scale=base, scales_per_octave=scales)
    if recipe.network.box_stds is not None:
        head["bbox_coder"]["target_stds"] = list(recipe.network.box_stds)


def _rank_anchors(model: dict[str, Any], recipe: DetectionRecipe, ranking: dict[str, Any]) -> None:
    head = model["bbox_head"]
    head.update(type=RANKED_HEADS[recipe.network.detector], ranking=ranking)
    if recipe.loss.name == "ap" and recipe.network.detector == "retinanet":
        _published_box_loss(head)


def _rank_regions(model: dict[str, Any], recipe: DetectionRecipe, ranking: dict[str, Any]) -> None:
    regions = {**ranking, "loss_weight": REGION_WEIGHT}
    model["rpn_head"].update(type="RankedRPNHead", ranking=regions)
    model["train_cfg"]["rpn"]["sampler"] = None
    for stage in _listed(model["train_cfg"]["rcnn"]):
        stage["sampler"]["num"] = EVERY_REGION
    if "stage_loss_weights" in model["roi_head"]:  # a cascade's: a ranking loss balances itself
        model["roi_head"]["stage_loss_weights"] = [1, 1, 1]
    for head in _heads(model):
        head.update(type="RankedBBoxHead", ranking=dict(ranking))
        if recipe.loss.name == "ap":
            _published_box_loss(head)


def _published_box_loss(head: dict[str, Any]) -> None:
    """AP-loss's own: smooth L1 of deltas divided by (.1, .1, .2, .2), averaged over coordinates."""
    head["bbox_coder"]["target_stds"] = [0.1, 0.1, 0.2, 0.2]
    head["loss_bbox"] = {"type": "SmoothL1Loss", "beta": 1.0, "loss_weight": 0.25}
