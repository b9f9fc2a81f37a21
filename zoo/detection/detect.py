"""Boxes in images: find them, draw them, write them down."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import nn

from zoo.data.images import open_image
from zoo.detection.bridge import import_quietly
from zoo.errors import UsageError
from zoo.files import atomic_path, staged_folder, write_json
from zoo.progress import Track, silent
from zoo.recipes.detector import DetectionRecipe

COLOURS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#800000")


@dataclass(frozen=True)
class Detection:
    """A box (left, top, right, bottom in pixels) with its label and score."""

    label: str
    score: float
    box: tuple[float, float, float, float]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"label": self.label, "score": self.score, "box": list(self.box)}


def find_boxes(model: nn.Module, image: Image.Image, *, threshold: float = 0.3) -> list[Detection]:
    """Return what a detector of `load_detector` finds in an image, best first."""
    import_quietly("mmdet.datasets")
    from mmcv.transforms import Compose

    trained: Any = model
    recipe: DetectionRecipe = trained.recipe
    steps = [
        {"type": "mmdet.LoadImageFromNDArray"},
        {"type": "mmdet.Resize", "scale": recipe.data.scale, "keep_ratio": True},
        {"type": "mmdet.PackDetInputs", "meta_keys": ("ori_shape", "img_shape", "scale_factor")},
    ]
    backwards = np.ascontiguousarray(np.asarray(image)[..., ::-1])  # mmdetection reads BGR
    sample = Compose(steps)({"img": backwards, "img_id": 0})
    with torch.no_grad():
        found = trained.test_step(
            {"inputs": [sample["inputs"]], "data_samples": [sample["data_samples"]]}
        )[0].pred_instances
    rows = zip(found.labels.tolist(), found.scores.tolist(), found.bboxes.tolist(), strict=True)
    chosen = [Detection(trained.labels[i], s, (b[0], b[1], b[2], b[3])) for i, s, b in rows]
    return sorted((d for d in chosen if d.score >= threshold), key=lambda d: -d.score)


def draw(image: Image.Image, detections: Sequence[Detection]) -> Image.Image:
    """Return a copy of the image with the boxes, their labels and scores."""
    drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    width = max(1, round(max(image.size) / 300))
    labels = sorted({detection.label for detection in detections})
    for detection in reversed(detections):
        colour = COLOURS[labels.index(detection.label) % len(COLOURS)]
        left, top = detection.box[:2]
        pen.rectangle(detection.box, outline=colour, width=width)
        text = f"{detection.label} {detection.score:.2f}"
        pen.rectangle(pen.textbbox((left, top), text), fill=colour)
        pen.text((left, top), text, fill="white")
    return drawn


def detect_images(
    model: nn.Module,
    images: Sequence[Path],
    out: Path,
    *,
    threshold: float = 0.3,
    track: Track = silent,
) -> list[dict[str, Any]]:
    """Write every image with its boxes, and `detections.json`, into the new folder `out`.

    Raises:
        UsageError: two images have the same name, or `out` is not empty.
        DataError: a file is no readable image.
    """
    names = [f"{path.stem}.png" for path in images]
    if doubled := next((n for n in names if names.count(n) > 1), None):
        raise UsageError(f"two images would become {doubled}", "detect them in two runs")
    results = []
    with staged_folder(out) as staged:
        for path, name in track(zip(images, names, strict=True), "detecting", len(images)):
            image = open_image(path)
            found = find_boxes(model, image, threshold=threshold)
            with atomic_path(staged / name) as temporary:
                draw(image, found).save(temporary, format="PNG")
            rows = [detection.as_json() for detection in found]
            results.append({"image": str(path), "drawn": str(out / name), "detections": rows})
        write_json(staged / "detections.json", results)
    return results
