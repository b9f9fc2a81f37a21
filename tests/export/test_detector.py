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


def detector(kind: Any, loss: Any = "rank_sort") -> Any:
    recipe = DetectionRecipe(
        "small",
        "untrained",
        DetectorNetwork(kind, depth=18),
        DetectorData("coco", ("train",), "test", scale=(SIDE, SIDE)),
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


def test_the_size_is_the_recipes_brought_to_whole_strides() -> None:
    model = detector("retinanet")
    assert RawDetector(model).example(2).shape == (2, 3, SIDE, SIDE)


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
