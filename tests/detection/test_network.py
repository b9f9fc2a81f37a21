"""What a recipe changes in mmdetection's configuration of a network, and what it leaves."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from zoo.detection.bridge import require_mmdet
from zoo.detection.network import build_network, network_config, shipped_config
from zoo.errors import UsageError
from zoo.recipes.detector import DetectionRecipe

require_mmdet()

from zoo.detection.timm_backbone import features_of  # noqa: E402

MakeRecipe = Callable[..., DetectionRecipe]
TWO_STAGES = ("faster_rcnn", "cascade_rcnn")


def box_heads(model: dict[str, Any]) -> list[dict[str, Any]]:
    found = model["roi_head"]["bbox_head"] if "roi_head" in model else model["bbox_head"]
    return found if isinstance(found, list) else [found]


def stages(model: dict[str, Any]) -> list[dict[str, Any]]:
    found = model["train_cfg"]["rcnn"]
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize(
    ("depth", "widths"),
    [(18, [64, 128, 256, 512]), (34, [64, 128, 256, 512])]
    + [(depth, [256, 512, 1024, 2048]) for depth in (50, 101)],
)
def test_the_pyramid_stands_on_the_maps_of_its_resnet(
    recipe: MakeRecipe, depth: int, widths: list[int]
) -> None:
    model = network_config(recipe(network__depth=depth), labels=2)
    assert model["neck"]["in_channels"] == widths
    assert model["backbone"]["depth"] == depth
    assert model["backbone"]["init_cfg"] is None


def test_a_backbone_from_weights_rests_in_part_and_a_random_one_is_all_trained(
    recipe: MakeRecipe,
) -> None:
    names = ("frozen_stages", "norm_eval", "zero_init_residual")

    def of(**changes: Any) -> list[Any]:
        backbone = network_config(recipe(**changes), labels=2)["backbone"]
        return [backbone.get(name) for name in names]

    assert of() == [-1, False, False]
    assert of(network__backbone="resnet18-a1") == [1, True, None]  # as mmdetection ships it


def test_a_resnext_has_its_groups_and_only_the_last_three_stages_are_deformable(
    recipe: MakeRecipe,
) -> None:
    plain = network_config(recipe(), labels=2)["backbone"]
    assert plain["type"] == "ResNet"
    assert not {"groups", "dcn", "stage_with_dcn"} & plain.keys()
    grouped = network_config(recipe(network__groups=(32, 4)), labels=2)["backbone"]
    assert (grouped["type"], grouped["groups"], grouped["base_width"]) == ("ResNeXt", 32, 4)
    deformable = recipe(network__deformable=True, network__depth=50)
    found: Any = build_network(deformable, labels=2)
    kinds = {
        n: {type(block.conv2).__name__ for block in getattr(found.backbone, f"layer{n}")}
        for n in range(1, 5)
    }
    assert kinds == {1: {"Conv2d"}} | {n: {"DeformConv2dPack"} for n in (2, 3, 4)}
    assert found.backbone.layer3[0].conv2.deform_groups == 1
    assert network_config(deformable, labels=2)["backbone"]["dcn"]["fallback_on_stride"] is False


@pytest.mark.parametrize("detector", ["retinanet", "atss", *TWO_STAGES])
def test_pyramid_and_heads_are_as_wide_as_told(recipe: MakeRecipe, detector: str) -> None:
    loss = "cross_entropy" if detector in TWO_STAGES else "focal"
    model = network_config(recipe(detector, loss, network__channels=48), labels=7)
    assert model["neck"]["out_channels"] == 48
    dense = model["rpn_head"] if detector in TWO_STAGES else model["bbox_head"]
    assert (dense["in_channels"], dense["feat_channels"]) == (48, 48)
    assert [head["num_classes"] for head in box_heads(model)] == [7] * len(box_heads(model))
    if detector in TWO_STAGES:
        assert model["roi_head"]["bbox_roi_extractor"]["out_channels"] == 48
        assert {(h["in_channels"], h["fc_out_channels"]) for h in box_heads(model)} == {(48, 192)}


@pytest.mark.parametrize("detector", TWO_STAGES)
def test_proposals_and_regions_bound_both_stages(recipe: MakeRecipe, detector: str) -> None:
    asked = recipe(detector, "cross_entropy", network__score_threshold=0.125)
    model = network_config(asked, labels=2)
    assert model["train_cfg"]["rpn_proposal"]["max_per_img"] == 20
    assert model["test_cfg"]["rpn"]["max_per_img"] == 20
    assert {stage["sampler"]["num"] for stage in stages(model)} == {32}
    assert model["test_cfg"]["rcnn"]["score_thr"] == 0.125
    assert model["train_cfg"]["rpn"]["sampler"]["num"] == 256  # mmdetection's
    shipped = {head["type"] for head in box_heads(shipped_config(detector))}
    assert {head["type"] for head in box_heads(model)} == shipped


def test_one_stage_has_its_score_threshold_and_its_losss_options(recipe: MakeRecipe) -> None:
    asked = recipe("retinanet", "focal", network__score_threshold=0.125)
    options = replace(asked, loss=replace(asked.loss, options={"gamma": 1.5}))
    model = network_config(options, labels=2)
    assert model["test_cfg"]["score_thr"] == 0.125
    focal = {"type": "FocalLoss", "use_sigmoid": True, "alpha": 0.25, "loss_weight": 1.0}
    assert model["bbox_head"]["loss_cls"] == {**focal, "gamma": 1.5}
    assert network_config(asked, labels=2)["bbox_head"]["loss_cls"] == {**focal, "gamma": 2.0}


def test_an_option_that_the_loss_does_not_take_is_one_line(recipe: MakeRecipe) -> None:
    asked = recipe("retinanet", "rank_sort")
    with pytest.raises(UsageError, match=r"small: .*unexpected keyword argument 'gama'"):
        build_network(replace(asked, loss=replace(asked.loss, options={"gama": 1})), labels=2)


RANKING = {"ap": "APRanking", "alrp": "ALRPRanking", "rank_sort": "RankSortRanking"}
# AP-loss's own code: smooth L1 of deltas over (.1, .1, .2, .2), a mean over four coordinates.
SMOOTH = {"type": "SmoothL1Loss", "beta": 1.0, "loss_weight": 0.25}


@pytest.mark.parametrize("loss", RANKING)
@pytest.mark.parametrize(
    ("detector", "head"), [("retinanet", "RankedRetinaHead"), ("atss", "RankedATSSHead")]
)
def test_a_one_stage_detector_ranks_in_a_head_of_ours(
    recipe: MakeRecipe, detector: str, head: str, loss: str
) -> None:
    asked = recipe(detector, loss)
    options = replace(asked, loss=replace(asked.loss, options={"delta": 0.75}))
    found = network_config(options, labels=2)["bbox_head"]
    assert found["type"] == head
    assert found["ranking"] == {"type": RANKING[loss], "delta": 0.75}
    shipped = shipped_config(detector)["bbox_head"]
    published = loss == "ap" and detector == "retinanet"
    assert found["loss_bbox"] == (SMOOTH if published else shipped["loss_bbox"])
    stds = [0.1, 0.1, 0.2, 0.2] if published else shipped["bbox_coder"]["target_stds"]
    assert found["bbox_coder"]["target_stds"] == stds


@pytest.mark.parametrize("loss", RANKING)
def test_a_two_stage_detector_ranks_every_anchor_and_every_region(
    recipe: MakeRecipe, loss: str
) -> None:
    model = network_config(recipe("faster_rcnn", loss), labels=2)
    rpn, (head,) = model["rpn_head"], box_heads(model)
    assert (rpn["type"], head["type"]) == ("RankedRPNHead", "RankedBBoxHead")
    assert rpn["ranking"] == {"type": RANKING[loss], "loss_weight": 0.2}
    assert head["ranking"] == {"type": RANKING[loss]}
    assert model["train_cfg"]["rpn"]["sampler"] is None
    assert [stage["sampler"]["num"] for stage in stages(model)] == [10**10]
    shipped = box_heads(shipped_config("faster_rcnn"))[0]["loss_bbox"]
    assert head["loss_bbox"] == (SMOOTH if loss == "ap" else shipped)
    assert "stage_loss_weights" not in model["roi_head"]


def test_blackbox_changes_the_box_head_alone(recipe: MakeRecipe) -> None:
    asked = recipe("faster_rcnn", "blackbox_ap")
    model = network_config(replace(asked, loss=replace(asked.loss, options={"lam": 2.0})), labels=2)
    (head,) = box_heads(model)
    assert (head["type"], head["ranking"]) == ("BlackboxAPBBoxHead", {"lam": 2.0})
    assert model["rpn_head"]["type"] == "RPNHead"
    assert stages(model)[0]["sampler"]["num"] == 32


@pytest.mark.parametrize(("detector", "loss"), [("retinanet", "focal"), ("faster_rcnn", "alrp")])
def test_anchors_and_deltas_are_changed_where_they_are_made(
    recipe: MakeRecipe, detector: str, loss: str
) -> None:
    own = {"network__octave": (2, 5), "network__box_stds": (0.5, 0.5, 0.25, 0.25)}
    model, plain = (network_config(recipe(detector, loss, **c), labels=2) for c in (own, {}))
    name = "rpn_head" if detector in TWO_STAGES else "bbox_head"
    made = model[name]["anchor_generator"]
    assert (made["octave_base_scale"], made["scales_per_octave"]) == (2, 5)
    assert model[name]["bbox_coder"]["target_stds"] == [0.5, 0.5, 0.25, 0.25]
    shipped = shipped_config(detector)[name]
    for part in ("anchor_generator", "bbox_coder"):
        assert plain[name][part] == shipped[part]


@pytest.mark.parametrize("backbone", [None, "somewhere"])
def test_a_timm_networks_statistics_rest_where_it_brings_weights(
    recipe: MakeRecipe, backbone: str | None
) -> None:
    asked = recipe(network__architecture="test_efficientnet", network__backbone=backbone)
    model = network_config(asked, labels=2)
    kind = {"type": "TimmBackbone", "architecture": "test_efficientnet"}
    assert model["backbone"] == {**kind, "rest": backbone is not None}
    assert model["neck"]["in_channels"] == list(features_of("test_efficientnet").widths)
    assert model["data_preprocessor"]["bgr_to_rgb"] is True
