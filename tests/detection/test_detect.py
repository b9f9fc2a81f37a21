"""Boxes as they are found, drawn and written down, by a detector that finds what it is told to."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tests.cli.walk import rankzoo
from zoo.detection.bridge import require_mmdet
from zoo.detection.detect import (
    COLOURS,
    Detection,
    DetectOptions,
    detect_images,
    draw,
    find_boxes,
    threshold_of_model,
)
from zoo.recipes.detector import DetectionRecipe, DetectorData, DetectorLoss, DetectorNetwork

require_mmdet()

FOUND = [(1, 0.25, [1.0, 2, 9, 12]), (0, 0.75, [4.0, 4, 20, 20]), (1, 0.5, [0.0, 0, 8, 8])]


class Told(nn.Module):
    """Finds the same boxes everywhere, and keeps what it was shown."""

    labels = ("cat", "dog")
    recipe = DetectionRecipe(
        "told",
        "a detector that is told",
        DetectorNetwork("retinanet", depth=18),
        DetectorData("coco", ("train",), "test", scale=(64, 48)),
        DetectorLoss("ap"),
    )

    def __init__(self, found: Any = FOUND) -> None:
        super().__init__()
        self.found, self.inputs, self.samples = found, list[Tensor](), list[Any]()

    def test_step(self, data: dict[str, Any]) -> list[Any]:
        assert not torch.is_grad_enabled()
        self.inputs += data["inputs"]
        self.samples += data["data_samples"]
        labels, scores, boxes = zip(*self.found, strict=True) if self.found else ((), (), ())
        return [
            SimpleNamespace(
                pred_instances=SimpleNamespace(
                    labels=torch.tensor(labels, dtype=torch.long),
                    scores=torch.tensor(scores),
                    bboxes=torch.tensor(boxes).reshape(-1, 4),
                )
            )
        ]


def test_boxes_are_the_best_first_down_to_the_threshold_itself() -> None:
    image = Image.new("RGB", (32, 24), (250, 120, 10))
    assert [(d.label, d.score) for d in find_boxes(Told(), image)] == [("cat", 0.75), ("dog", 0.5)]
    (best, second, last) = find_boxes(Told(), image, threshold=0.25)
    assert (best, second, last) == (
        Detection("cat", 0.75, (4.0, 4.0, 20.0, 20.0)),
        Detection("dog", 0.5, (0.0, 0.0, 8.0, 8.0)),
        Detection("dog", 0.25, (1.0, 2.0, 9.0, 12.0)),
    )
    assert best.as_json() == {"label": "cat", "score": 0.75, "box": [4, 4, 20, 20]}


def test_a_detector_sees_bgr_at_the_recipes_scale_and_answers_in_the_images_pixels() -> None:
    model = Told()
    find_boxes(model, Image.new("RGB", (32, 24), (250, 120, 10)))
    (shown,), (sample,) = model.inputs, model.samples
    assert shown.shape == (3, 48, 64)
    assert shown[:, 5, 5].tolist() == [10, 120, 250]
    assert (sample.ori_shape, sample.scale_factor) == ((24, 32), (2.0, 2.0))
    find_boxes(model, Image.new("RGB", (24, 48)))
    assert model.inputs[1].shape == (3, 64, 32)  # the shape stays


def test_the_threshold_is_the_models_own_or_three_tenths() -> None:
    model: Any = Told()
    assert threshold_of_model(model) == 0.3
    model.threshold = 0.6
    assert threshold_of_model(model) == 0.6
    assert [d.score for d in find_boxes(model, Image.new("RGB", (8, 8)))] == [0.75]


def test_every_label_has_its_colour_and_the_best_box_lies_on_top() -> None:
    image = Image.new("RGB", (330, 300))
    box = (100.0, 100.0, 200.0, 200.0)
    drawn = draw(image, [Detection("cat", 0.9, box), Detection("dog", 0.8, box)])
    cat, dog = (tuple(bytes.fromhex(colour[1:])) for colour in COLOURS[:2])
    assert drawn.getpixel((200, 150)) == cat
    assert drawn.getpixel((198, 150)) == (0, 0, 0)  # a line of one pixel
    assert not np.asarray(image).any()
    other = draw(image, [Detection("ant", 0.9, (9.0, 9.0, 60.0, 60.0)), Detection("bee", 0.8, box)])
    assert other.getpixel((200, 150)) == dog  # the second label of two, by name
    many = [Detection(f"{n:02}", 0.5, (0.0, 0.0, 300.0, 290.0)) for n in range(len(COLOURS) + 1)]
    assert draw(image, many[-1:] + many[:-1]).getpixel((300, 150)) == cat  # colours come again
    large = draw(Image.new("RGB", (900, 10)), [Detection("cat", 0.9, (100.0, 0.0, 800.0, 9.0))])
    thick = np.asarray(large)[5, 700:]
    assert int((thick == cat).all(axis=1).sum()) == 3


def test_what_is_written_says_what_is_shown_and_the_best_that_was_not(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (32, 24), "teal").save(tmp_path / f"{name}.png")
    out, paths = tmp_path / "out", [tmp_path / "a.png", tmp_path / "b.png"]
    rows = detect_images(Told(), paths, out, DetectOptions(threshold=0.5))
    assert rows[1] == {
        "image": str(paths[1]),
        "drawn": str(out / "b.png"),
        "detections": [
            {"label": "cat", "score": 0.75, "box": [4, 4, 20, 20]},
            {"label": "dog", "score": 0.5, "box": [0, 0, 8, 8]},
        ],
        "best": 0.75,
    }
    assert json.loads((out / "detections.json").read_text()) == rows
    assert not (out / "skipped.json").exists()
    (unseen,) = detect_images(Told(), paths[:1], tmp_path / "sure", DetectOptions(threshold=0.9))
    assert (unseen["detections"], unseen["best"]) == ([], 0.75)
    (nothing,) = detect_images(Told([]), paths[:1], tmp_path / "nothing")
    assert (nothing["detections"], nothing["best"]) == ([], None)
    assert DetectOptions() == DetectOptions(None, 1.0, "fail")


def test_a_videos_frames_are_named_by_their_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [(0.0, Image.new("RGB", (8, 8))), (2.5, Image.new("RGB", (8, 8)))]
    asked: list[float] = []

    def frames(path: Path, every: float) -> list[tuple[float, Image.Image]]:
        asked.append(every)
        return shown

    monkeypatch.setattr("zoo.detection.detect.frames", frames)
    (tmp_path / "walk.mp4").write_bytes(b"")
    rows = detect_images(
        Told(), [tmp_path / "walk.mp4"], tmp_path / "out", DetectOptions(every=2.5)
    )
    assert asked == [2.5]
    assert [row["second"] for row in rows] == [0.0, 2.5]
    names = ["walk-00000.00s.png", "walk-00002.50s.png"]
    assert [Path(row["drawn"]).name for row in rows] == names
    assert all((tmp_path / "out" / name).is_file() for name in names)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An image, and a detector under any name."""
    monkeypatch.setattr("zoo.hub.resolve.resolve_model", lambda *_, **__: tmp_path)
    monkeypatch.setattr("zoo.detection.storage.load_detector", lambda _: Told())
    Image.new("RGB", (32, 24)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_seconds_between_frames_are_refused_without_a_video(told: Path, tmp_path: Path) -> None:
    code, said = rankzoo("detect", "told", str(told), "--out", f"{tmp_path}/out", "--every", "1")
    assert code == 2
    assert "--every says nothing without a video" in said["error"]


@pytest.mark.parametrize(("threshold", "warned"), [("0.01", True), ("0.05", False)])
def test_a_threshold_below_the_networks_own_is_said_to_be_clipped(
    told: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], threshold: str, warned: bool
) -> None:
    out = str(tmp_path / "out")
    code, _ = rankzoo("detect", "told", str(told), "--out", out, "--threshold", threshold)
    assert code == 0
    assert ("keeps no box below 0.05" in capsys.readouterr().err) is warned
