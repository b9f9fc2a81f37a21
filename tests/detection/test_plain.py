"""A detector written for mmdetection has none of our types, and the numbers of ours."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from zoo.detection.network import build_network
from zoo.detection.plain import WholeDetector, mmdetection_config, plain_weights
from zoo.recipes.detector import LOSSES_OF, DetectionRecipe

MakeRecipe = Callable[..., DetectionRecipe]
LABELS = ("cat", "dog")
OURS = [(kind, loss) for kind, losses in LOSSES_OF.items() for loss in losses]
TYPES = {
    "retinanet": "RetinaHead",
    "atss": "ATSSHead",
    "faster_rcnn": "Shared2FCBBoxHead",
    "cascade_rcnn": "Shared2FCBBoxHead",
}
SIGMOID = {"type": "CrossEntropyLoss", "use_sigmoid": True}
ONE_EACH = {"type": "CrossEntropyCustomLoss", "use_sigmoid": True, "num_classes": 2}


@pytest.mark.parametrize(("kind", "loss"), OURS)
def test_heads_are_mmdetections_with_a_logit_a_label_where_they_rank(
    recipe: MakeRecipe, kind: str, loss: str
) -> None:
    config = mmdetection_config(recipe(kind, loss), LABELS)
    model = config["model"]
    heads = model.get("roi_head", model)["bbox_head"]
    for head in heads if isinstance(heads, list) else [heads]:
        assert head["type"] == TYPES[kind]
        assert head["num_classes"] == 2
        assert "ranking" not in head
        if loss not in ("focal", "cross_entropy"):
            assert head["loss_cls"] == (ONE_EACH if "rcnn" in kind else SIGMOID)
    if "rpn_head" in model:
        assert model["rpn_head"]["type"] == "RPNHead"
        assert "ranking" not in model["rpn_head"]
    data = config["test_dataloader"]["dataset"]
    assert (config["default_scope"], data["type"]) == ("mmdet", "CocoDataset")
    assert data["metainfo"] == {"classes": LABELS}
    load, resize, pack = data["pipeline"]
    assert load == {"type": "LoadImageFromFile"}
    assert resize == {"type": "Resize", "scale": (64, 64), "keep_ratio": True}
    assert {"ori_shape", "img_shape", "scale_factor"} < set(pack["meta_keys"])


@pytest.mark.parametrize(("kind", "loss"), [("retinanet", "alrp"), ("atss", "focal")])
def test_weights_lose_what_a_loss_remembers_and_nothing_else(
    recipe: MakeRecipe, kind: str, loss: str
) -> None:
    made = recipe(kind, loss)
    state = build_network(made, labels=2).state_dict()
    kept = plain_weights({**state, "x._extra_state": torch.zeros(1)}, made)
    assert kept.keys() == {name for name in state if ".ranking." not in name}
    assert all(kept[name] is state[name] for name in kept)


def test_the_centreness_that_ranking_leaves_out_is_one_everywhere(recipe: MakeRecipe) -> None:
    made = recipe("atss", "rank_sort")
    kept = plain_weights(build_network(made, labels=2).state_dict(), made)
    name = "bbox_head.atss_centerness"
    assert kept[f"{name}.weight"].shape == (1, 256, 3, 3)
    assert not kept[f"{name}.weight"].any()
    assert kept[f"{name}.bias"].sigmoid().tolist() == [1.0]


def test_a_whole_detector_takes_rgb_and_gives_every_heads_outputs(recipe: MakeRecipe) -> None:
    torch.manual_seed(0)
    model: Any = build_network(recipe("retinanet", "ap"), labels=2)
    whole = WholeDetector(model.train())
    assert not model.training
    images = whole.example(2)
    assert images.shape == (2, 3, 64, 64)
    assert images.equal(whole.example(2))
    assert 0 <= images.min() < 5 < 250 < images.max() <= 255
    colours = model.data_preprocessor
    with torch.no_grad():
        scores, boxes = model.bbox_head(model.extract_feat((images - colours.mean) / colours.std))
        found = whole(images)
    assert len(found) == len(scores) + len(boxes) == 10
    for ours, theirs in zip(found, [*scores, *boxes], strict=True):
        torch.testing.assert_close(ours, theirs)
