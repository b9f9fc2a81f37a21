"""A detector of mmdetection behind the page: small, with weights of chance."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, expect

from zoo.detection.detect import find_boxes
from zoo.detection.network import build_network
from zoo.detection.storage import save_detector
from zoo.recipes.detector import DetectionRecipe, DetectorData, DetectorLoss, DetectorNetwork
from zoo.serve.detector import Detector
from zoo.tasks import load

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The model folder of a detector that is rather sure of what it sees."""
    recipe = DetectionRecipe(
        "small",
        "weights of chance",
        DetectorNetwork("retinanet", depth=18, score_threshold=0.0),
        DetectorData("coco", ("train",), "test", scale=(64, 64)),
        DetectorLoss("ap"),
    )
    torch.manual_seed(0)
    model: Any = build_network(recipe, 2)
    model.init_weights()
    torch.nn.init.constant_(model.bbox_head.retina_cls.bias, 1.0)
    save_detector(tmp_path / "detector", recipe, ("cat", "dog"), model.state_dict())
    return tmp_path / "detector"


@pytest.fixture
def street(tmp_path: Path) -> Path:
    picture = Image.new("RGB", (120, 80), "lime")
    picture.paste("red", (0, 0, 60, 80))
    picture.save(tmp_path / "street.png")
    return tmp_path / "street.png"


def test_a_detector_draws_its_boxes_and_each_can_be_searched_with(
    address: Callable[..., str], page: Page, folder: Path, street: Path
) -> None:
    model = load(str(folder))
    expected = find_boxes(model, Image.open(street))
    assert {found.label for found in expected} == {"cat", "dog"}
    page.goto(address(detector=Detector(model, "small")))
    page.set_input_files("#file", street)
    boxes = page.locator("#boxes button")
    expect(boxes).to_have_count(len(expected))
    first = expected[0]
    expect(boxes.first).to_have_text(f"{first.label} {first.score:.2f}")
    drawn, shown = boxes.first.bounding_box(), page.locator("#preview").bounding_box()
    assert drawn is not None
    assert shown is not None
    scale = shown["width"] / 120
    left, top, right, bottom = (scale * side for side in first.box)
    assert drawn["x"] - shown["x"] == pytest.approx(left, abs=2)
    assert drawn["y"] - shown["y"] == pytest.approx(top, abs=2)
    assert drawn["width"] == pytest.approx(right - left, abs=3)
    assert drawn["height"] == pytest.approx(bottom - top, abs=3)
    before = page.url
    boxes.first.dispatch_event("click")
    page.wait_for_url(lambda url: url != before)
    expect(page.locator("#votes li").first).to_be_visible()


def test_boxes_come_over_the_api_as_the_detector_finds_them(
    address: Callable[..., str], folder: Path, street: Path
) -> None:
    import json
    import urllib.request

    model = load(str(folder))
    url = f"{address(detector=Detector(model, 'small'))}api/detect"
    with urllib.request.urlopen(url, data=street.read_bytes(), timeout=60) as answer:
        found = json.load(answer)
    assert (found["width"], found["height"]) == (120, 80)
    expected = find_boxes(model, Image.open(street))
    assert [d["label"] for d in found["detections"]] == [d.label for d in expected]
    assert found["detections"][0]["box"] == pytest.approx(expected[0].box, abs=1e-3)
