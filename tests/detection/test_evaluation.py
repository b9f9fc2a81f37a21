"""What is reported is what mmdetection measured: perfect boxes have an AP of 1, none an AP of 0."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.data.synthetic.scenes import SceneSet, build_scenes
from zoo.detection.bridge import import_quietly, require_mmdet
from zoo.detection.evaluation import evaluate_detector
from zoo.detection.network import build_network
from zoo.detection.storage import save_detector
from zoo.recipes.detector import DetectionRecipe

MakeRecipe = Callable[..., DetectionRecipe]
VOC = {
    "data__layout": "voc",
    "data__train": ("VOC2007/trainval",),
    "data__test": "VOC2007/test",
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> SceneSet:
    return build_scenes(tmp_path_factory.mktemp("data") / "scenes", count=10, classes=2, size=64)


def untrained(recipe: DetectionRecipe, scenes: SceneSet, folder: Path) -> Path:
    torch.manual_seed(0)
    save_detector(folder, recipe, scenes.classes, build_network(recipe, labels=2).state_dict())
    return folder


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Make detectors answer with the annotated boxes, shrunk towards their first corner."""
    require_mmdet()
    import_quietly("mmdet.models")
    from mmdet.models.detectors import SingleStageDetector
    from mmengine.structures import InstanceData

    def install(size: float) -> None:
        def predict(self: Any, inputs: Any, samples: list[Any], rescale: bool = True) -> list[Any]:
            for sample in samples:
                boxes = sample.gt_instances.bboxes.clone()
                boxes[:, 2:] = boxes[:, :2] + size * (boxes[:, 2:] - boxes[:, :2])
                labels, scores = sample.gt_instances.labels, torch.ones(len(boxes))
                sample.pred_instances = InstanceData(bboxes=boxes, labels=labels, scores=scores)
            return samples

        monkeypatch.setattr(SingleStageDetector, "predict", predict)

    return install


@pytest.mark.parametrize("layout", [{}, VOC])
def test_perfect_boxes_have_an_average_precision_of_one(
    answer: Callable[[float], None],
    layout: dict[str, Any],
    recipe: MakeRecipe,
    scenes: SceneSet,
    tmp_path: Path,
) -> None:
    answer(1.0)
    folder = untrained(recipe(**layout), scenes, tmp_path / "model")
    found = evaluate_detector(folder, scenes.folder)
    metrics = found["metrics"]
    assert set(metrics) >= ({"ap_50"} if layout else {"ap", "ap_50", "ap_75"})
    assert set(metrics.values()) == {1.0}
    assert set(found["classes"]) <= set(scenes.classes)
    assert {of_class["ap_50"] for of_class in found["classes"].values()} == {1.0}
    assert sum(of_class["objects"] for of_class in found["classes"].values()) > 2


def test_boxes_of_three_fifths_count_at_half_overlap_and_not_at_three_quarters(
    answer: Callable[[float], None], recipe: MakeRecipe, scenes: SceneSet, tmp_path: Path
) -> None:
    answer(0.6**0.5)  # both sides: an overlap of 0.6
    folder = untrained(recipe(), scenes, tmp_path / "model")
    metrics = evaluate_detector(folder, scenes.folder)["metrics"]
    assert metrics["ap_50"] > 0.9  # not 1: some objects hide behind others
    assert metrics["ap_75"] < 0.1
    assert metrics["ap"] == pytest.approx(0.2, abs=0.1)  # 2 or 3 of the ten thresholds


def test_a_detector_that_finds_nothing_has_an_average_precision_of_zero(
    recipe: MakeRecipe, scenes: SceneSet, tmp_path: Path
) -> None:
    folder = untrained(recipe(network__score_threshold=0.99), scenes, tmp_path / "model")
    assert set(evaluate_detector(folder, scenes.folder)["metrics"].values()) == {0.0}
