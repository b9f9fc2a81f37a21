"""A detector's file finds what the detector finds, once its boxes are suppressed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.ops import batched_nms

from zoo.detection.detect import find_boxes
from zoo.detection.network import build_network
from zoo.errors import UsageError
from zoo.export.detector import RawDetector
from zoo.export.formats import FORMATS
from zoo.export.run import ExportOptions, export
from zoo.recipes.detector import DetectionRecipe, DetectorData, DetectorLoss, DetectorNetwork

SIDE = 32  # so small that mmdetection leaves no anchor out before it suppresses
LABELS = ("cat", "dog")


def detector(kind: Any, loss: Any = "rank_sort", scale: tuple[int, int] = (SIDE, SIDE)) -> Any:
    recipe = DetectionRecipe(
        "small",
        "untrained",
        DetectorNetwork(kind, depth=18),
        DetectorData("coco", ("train",), "test", scale=scale),
        DetectorLoss(loss),
    )
    torch.manual_seed(0)
    model: Any = build_network(recipe, len(LABELS))
    model.init_weights()
    for name, parameter in model.named_parameters():
        if name.endswith(("_cls.bias", "centerness.bias")):
            torch.nn.init.constant_(parameter, 1.0)  # so sure that something passes the threshold
    model.recipe, model.labels = recipe, LABELS
    return model.eval()


def image() -> Image.Image:
    random = np.random.default_rng(0)
    return Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


def chosen(model: Any, scores: torch.Tensor, boxes: torch.Tensor) -> list[tuple[str, float]]:
    """Suppress as mmdetection does: per label, the recipe's threshold, its IoU and its count."""
    test = model.bbox_head.test_cfg
    place, label = (scores[0] > model.recipe.network.score_threshold).nonzero().T
    values = scores[0][place, label]
    kept = batched_nms(boxes[0][place], values, label, test["nms"]["iou_threshold"])
    best = [(LABELS[int(label[i])], float(values[i])) for i in kept[: test["max_per_img"]]]
    return [(name, score) for name, score in best if score >= 0.3]


@pytest.mark.parametrize(
    ("kind", "loss", "outputs"),
    [("retinanet", "ap", 2), ("atss", "rank_sort", 2), ("atss", "focal", 3)],
)
def test_scores_and_boxes_are_those_of_mmdetections_head(
    kind: str, loss: str, outputs: int
) -> None:
    model = detector(kind, loss, scale=(64, 32))
    head, colours = model.bbox_head, model.data_preprocessor
    for name, weight in head.named_parameters():
        if name.endswith("_reg.weight"):
            torch.nn.init.normal_(weight, std=0.5 if kind == "atss" else 20.0)  # some grow too much
    raw = RawDetector(model)
    images = raw.example(2)
    with torch.no_grad():
        scores, boxes = raw(images)
        maps = head(model.extract_feat((images - colours.mean) / colours.std))
    assert len(maps) == outputs  # the third one is ATSS's centerness
    inside = too_large = 0
    for place in range(2):
        rows = [
            torch.cat([level[place].permute(1, 2, 0).reshape(-1, width) for level in levels])
            for levels, width in zip(maps, (len(LABELS), 4, 1), strict=False)
        ]
        wanted = rows[0].sigmoid() * (rows[2].sigmoid() if len(rows) > 2 else 1)
        decoded = head.bbox_coder.decode(raw.anchors, rows[1], max_shape=(32, 64))
        torch.testing.assert_close(scores[place], wanted)
        torch.testing.assert_close(boxes[place], decoded, rtol=1e-4, atol=1e-3)
        inside += int(((boxes[place] > 0) & (boxes[place] < 32)).sum())
        too_large += int((rows[1][:, 2:] * head.bbox_coder.stds[2] > 4.2).sum())
    assert inside
    assert too_large


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "format_name"), [("retinanet", "torch-export"), ("atss", "onnx")])
def test_a_file_and_suppression_are_the_detector(
    kind: str, format_name: str, tmp_path: Path
) -> None:
    model = detector(kind)
    done = export(model, tmp_path / "out", ExportOptions(format=format_name))
    assert done.largest_difference < 1e-4
    run = FORMATS[format_name].runner(done.file)
    pixels = torch.from_numpy(np.asarray(image()).copy()).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        scores, boxes = run(pixels)
    assert scores.shape[2] == len(LABELS)
    assert boxes.shape == (*scores.shape[:2], 4)
    expected = [(d.label, d.score) for d in find_boxes(model, image())]
    assert expected
    found = chosen(model, scores, boxes)
    assert [name for name, _ in found] == [name for name, _ in expected]
    assert [s for _, s in found] == pytest.approx([s for _, s in expected], abs=1e-4)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (config["labels"], config["height"], config["width"]) == (list(LABELS), SIDE, SIDE)


@pytest.mark.parametrize(
    ("scale", "size"), [((32, 32), (32, 32)), ((96, 33), (64, 96)), ((65, 64), (64, 96))]
)
def test_the_size_is_the_recipes_brought_to_whole_strides(
    scale: tuple[int, int], size: tuple[int, int]
) -> None:
    images = RawDetector(detector("retinanet", scale=scale)).example(2)
    assert images.shape == (2, 3, *size)
    assert 0 <= images.min() < 5 < 250 < images.max() <= 255


def test_two_stages_and_what_only_embedders_have_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="suppresses boxes in the middle") as refused:
        export(detector("faster_rcnn", "cross_entropy"), tmp_path / "out")
    assert refused.value.hint.startswith("only retinanet and atss can be; --format mmdetection")
    model = detector("retinanet")
    with pytest.raises(UsageError, match="no precision 'half' for onnx"):
        export(model, tmp_path / "out", ExportOptions(precision="half"))
    with pytest.raises(UsageError, match="no export format 'safetensors'"):
        export(model, tmp_path / "out", ExportOptions(format="safetensors"))
    with pytest.raises(UsageError, match="a Linear cannot be exported"):
        export(torch.nn.Linear(2, 2), tmp_path / "out")
    assert not (tmp_path / "out").exists()
