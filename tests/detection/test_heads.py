import gc
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.detection.bridge import require_mmdet
from zoo.detection.network import build_network, network_config, shipped_config
from zoo.losses import DetectionAP
from zoo.recipes import DetectionRecipe, recipes_of
from zoo.recipes.detector import LOSSES_OF

require_mmdet()

PAIRS = [(detector, loss) for detector, losses in LOSSES_OF.items() for loss in losses]


def retina(ranking: dict[str, Any]) -> Any:
    from mmdet.registry import MODELS
    from mmengine.config import ConfigDict

    import zoo.detection.heads  # noqa: F401

    model = shipped_config("retinanet")
    head = {**model["bbox_head"], "type": "RankedRetinaHead", "ranking": ranking}
    head.update(num_classes=3, in_channels=8, feat_channels=8, stacked_convs=1)
    head.update(train_cfg=model["train_cfg"], test_cfg=model["test_cfg"])
    built = MODELS.build(ConfigDict(head))
    built.init_weights()
    return built


def pyramid(images: int) -> list[Tensor]:
    sides = (8, 4, 2, 1, 1)
    return [torch.randn(images, 8, side, side, requires_grad=True) for side in sides]


def gather_by_hand(head: Any, scores: list[Tensor], samples: list[Any]) -> tuple[Tensor, Tensor]:
    """All logits of the batch and whether each is positive, image by image, place by place."""
    from mmengine.structures import InstanceData

    logits, positive = [], []
    sizes = [tuple(level.shape[-2:]) for level in scores]
    anchors = torch.cat(head.prior_generator.grid_priors(sizes, device="cpu"))
    for image, sample in enumerate(samples):
        assigned = head.assigner.assign(InstanceData(priors=anchors), sample.gt_instances)
        rows = [
            level[image, anchor * 3 : anchor * 3 + 3, y, x]
            for level in scores
            for y in range(level.shape[2])
            for x in range(level.shape[3])
            for anchor in range(9)
        ]
        for row, owner in zip(rows, assigned.gt_inds.tolist(), strict=True):
            if owner < 0:
                continue  # between the two thresholds: neither
            label = int(sample.gt_instances.labels[owner - 1]) if owner else -1
            logits.append(row)
            positive.append(torch.arange(3) == label)
    return torch.stack(logits), torch.stack(positive)


def test_a_retinanet_head_ranks_all_anchors_of_the_batch_in_one_list(
    samples: Callable[..., list[Any]],
) -> None:
    head, batch, features = retina({"type": "APRanking"}), samples(2), pyramid(2)
    scores, _ = head(features)
    logits, positive = gather_by_hand(head, scores, batch)
    assert positive.any()
    expected = DetectionAP()(logits, positive)
    loss = head.loss(features, batch)["loss_cls"]
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    ours = torch.autograd.grad(loss, features, retain_graph=True)
    theirs = torch.autograd.grad(expected, features)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("ranking", ["APRanking", "ALRPRanking", "RankSortRanking"])
def test_a_batch_without_objects_costs_nothing_and_back_propagates(
    ranking: str, samples: Callable[..., list[Any]]
) -> None:
    head, features = retina({"type": ranking}), pyramid(2)
    losses = head.loss(features, samples(2, empty=True))
    total = sum(losses.values())
    assert total.item() == 0
    assert all(not grad.any() for grad in torch.autograd.grad(total, features))


def test_rank_sorts_box_loss_weighs_as_much_as_its_ranking(
    samples: Callable[..., list[Any]],
) -> None:
    head = retina({"type": "RankSortRanking"})
    losses = head.loss(pyramid(2), samples(2))
    assert losses["loss_bbox"].item() == pytest.approx(
        (losses["loss_rank"] + losses["loss_sort"]).item(), rel=1e-5
    )


def test_alrps_balance_starts_at_fifty_and_follows_the_last_period(
    samples: Callable[..., list[Any]],
) -> None:
    head = retina({"type": "ALRPRanking", "period": 2})
    parts = []
    for _ in range(2):
        losses = head.loss(pyramid(1), samples(1))
        parts.append((losses["loss_cls"].item(), losses["loss_bbox"].item() / 50))
    by_class, by_box = (sum(part) for part in zip(*parts, strict=True))
    assert head.ranking.balance.item() == pytest.approx((by_class + by_box) / by_box, rel=1e-5)
    assert head.ranking.sums.tolist() == [0, 0, 0]


def test_a_loss_weight_scales_every_part(samples: Callable[..., list[Any]]) -> None:
    features = pyramid(1)
    whole, part = retina({"type": "APRanking"}), retina({"type": "APRanking", "loss_weight": 0.2})
    part.load_state_dict(whole.state_dict())
    one, other = whole.loss(features, samples(1)), part.loss(features, samples(1))
    assert {name: 5 * loss.item() for name, loss in other.items()} == pytest.approx(
        {name: loss.item() for name, loss in one.items()}, rel=1e-5
    )


def test_two_changed_lines_put_a_head_into_a_configuration_of_ones_own() -> None:
    from mmdet.registry import MODELS
    from mmengine.config import Config

    mine = """
_base_ = ["mmdet::retinanet/retinanet_r50_fpn_1x_coco.py"]
custom_imports = dict(imports=["zoo.detection.heads"])
model = dict(bbox_head=dict(type="RankedRetinaHead", ranking=dict(type="RankSortRanking")))
"""
    with warnings.catch_warnings():  # open temporary files, pkg_resources: mmengine's affair
        warnings.simplefilter("ignore")
        config = Config.fromstring(mine, file_format=".py")
        gc.collect()
    head = MODELS.build(
        {**config.model.bbox_head, "train_cfg": config.model.train_cfg, "test_cfg": None}
    )
    assert type(head).__name__ == "RankedRetinaHead"
    assert head.cls_out_channels == 80


@pytest.mark.parametrize("loss", ["blackbox_ap", "rank_sort"])
def test_a_box_head_has_no_background_logit(loss: str, recipe: Callable[..., Any]) -> None:
    from mmdet.registry import MODELS

    import zoo.detection.heads  # noqa: F401

    config = network_config(recipe("faster_rcnn", loss), labels=3)["roi_head"]["bbox_head"]
    head = MODELS.build({**config, "in_channels": 2, "fc_out_channels": 4})
    assert head.fc_cls.out_features == 3
    scores = head.loss_cls.get_activation(torch.zeros(5, 3))
    assert scores[:, :3].eq(0.5).all()
    assert scores[:, 3].eq(0).all()


@pytest.mark.slow
@pytest.mark.parametrize(("detector", "loss"), PAIRS)
def test_every_detector_takes_a_step_with_every_loss(
    detector: str, loss: str, recipe: Callable[..., Any], samples: Callable[..., list[Any]]
) -> None:
    model: Any = build_network(recipe(detector, loss), labels=2).train()
    for batch in (samples(2), samples(2, empty=True)):
        images = [torch.randint(0, 255, (3, 64, 64), dtype=torch.uint8) for _ in batch]
        raw = {"inputs": images, "data_samples": batch}
        inputs = model.data_preprocessor(raw, training=True)
        total, _ = model.parse_losses(model(**inputs, mode="loss"))
        total.backward()
        assert torch.isfinite(total)
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize(
    ("name", "anchors", "stds"),
    [
        ("coco-retinanet-r50-ap", (4, 2, 3), [0.1, 0.1, 0.2, 0.2]),
        ("coco-retinanet-r50-alrp", (4, 2, 3), [0.1, 0.1, 0.2, 0.2]),
        ("coco-retinanet-r50-focal", (4, 3, 3), [1.0, 1.0, 1.0, 1.0]),
        ("coco-atss-r50-rank-sort", (4, 3, 1), [0.1, 0.1, 0.2, 0.2]),
    ],
)
def test_anchors_and_box_deltas_are_the_published_ones(
    name: str, anchors: tuple[int, int, int], stds: list[float]
) -> None:
    head = network_config(recipes_of(DetectionRecipe)[name], labels=80)["bbox_head"]
    made = head["anchor_generator"]
    found = made["octave_base_scale"], made["scales_per_octave"], len(made["ratios"])
    assert found == anchors
    assert list(head["bbox_coder"]["target_stds"]) == stds


def test_proposals_of_rank_and_sort_have_the_published_deltas() -> None:
    model = network_config(recipes_of(DetectionRecipe)["coco-faster-rcnn-r50-rank-sort"], 80)
    for head in (model["rpn_head"], model["roi_head"]["bbox_head"]):
        assert list(head["bbox_coder"]["target_stds"]) == [0.1, 0.1, 0.2, 0.2]


def test_a_cascade_ranks_in_every_stage_and_weighs_its_stages_alike() -> None:
    model = network_config(recipes_of(DetectionRecipe)["coco-cascade-rcnn-r50-rank-sort"], 80)
    heads = model["roi_head"]["bbox_head"]
    assert [head["type"] for head in heads] == ["RankedBBoxHead"] * 3
    assert all(head["num_classes"] == 80 and head["reg_class_agnostic"] for head in heads)
    assert model["roi_head"]["stage_loss_weights"] == [1, 1, 1]
    samplers = [stage["sampler"]["num"] for stage in model["train_cfg"]["rcnn"]]
    assert min(samplers) >= 10**10


def test_rank_and_sort_weighs_a_box_by_its_highest_score() -> None:
    from zoo.detection.heads.ranking import RankSortRanking

    logits = torch.tensor([[-2.0, 3.0], [1.0, -4.0], [-3.0, -3.0]])
    labels = torch.tensor([0, 0, 2])
    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 4]], requires_grad=True)
    target = torch.tensor([[0.0, 0, 4, 2], [0, 0, 4, 2]])
    loss = RankSortRanking().losses(logits, labels, boxes, target)["loss_bbox"]
    (gradient,) = torch.autograd.grad(loss, boxes)
    weights = torch.tensor([3.0, 1.0]).sigmoid()  # the first's own class scores -2
    torch.testing.assert_close(gradient[0] / weights[0], gradient[1] / weights[1])
