"""Boxes in images: find them, draw them, write them down."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import nn

from zoo.data.boxes.boxed import Policy
from zoo.data.images import open_image
from zoo.data.item import Skipped
from zoo.data.validation import write_skipped
from zoo.data.video import frames, is_video
from zoo.detection.bridge import import_quietly
from zoo.detection.inputs import drawn_names, images_of, readable
from zoo.detection.storage import DEFAULT_THRESHOLD
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


def find_boxes(
    model: nn.Module, image: Image.Image, *, threshold: float | None = None
) -> list[Detection]:
    """Return what a detector of `load_detector` finds in an image, best first.

    Without a threshold, the one kept with its weights counts.
    """
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
    lowest = threshold_of_model(model) if threshold is None else threshold
    chosen = [Detection(trained.labels[i], s, (b[0], b[1], b[2], b[3])) for i, s, b in rows]
    return sorted((d for d in chosen if d.score >= lowest), key=lambda d: -d.score)


def threshold_of_model(model: nn.Module) -> float:
    """Return the threshold that a detector was saved with, or .3."""
    return float(getattr(model, "threshold", DEFAULT_THRESHOLD))


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


@dataclass(frozen=True)
class DetectOptions:
    """Which boxes are shown, and how images and videos are gone through.

    threshold: the lowest score; None: the model's own. every: seconds between a video's frames.
    on_bad_image: with "skip", what cannot be opened is left out and listed in `skipped.json`.
    """

    threshold: float | None = None
    every: float = 1.0
    on_bad_image: Policy = "fail"


def detect_images(
    model: nn.Module,
    images: Sequence[Path],
    out: Path,
    options: DetectOptions | None = None,
    *,
    track: Track = silent,
) -> list[dict[str, Any]]:
    """Write every image with its boxes, and `detections.json`, into the new folder `out`.

    `images` are files, folders or patterns; of a video each frame is one, and its result has the
    `second` it is of. A result's `best` is the highest score found, shown or not.

    Raises:
        UsageError: `out` is not empty.
        DataError: a file is no readable image, or there is none.
    """
    options = options or DetectOptions()
    images = images_of(images)
    skipped: list[Skipped] = []
    if options.on_bad_image == "skip":
        images, skipped = readable(images)
    names = drawn_names(images)
    lowest = threshold_of_model(model) if options.threshold is None else options.threshold
    results: list[dict[str, Any]] = []
    with staged_folder(out) as staged:
        for path, name in track(zip(images, names, strict=True), "detecting", len(images)):
            for drawn, more, image in _opened(path, name, options.every):
                all_found = find_boxes(model, image, threshold=0.0)
                found = [detection for detection in all_found if detection.score >= lowest]
                with atomic_path(staged / drawn) as temporary:
                    draw(image, found).save(temporary, format="PNG")
                rows = [detection.as_json() for detection in found]
                best = all_found[0].score if all_found else None
                facts = {"image": str(path), **more, "drawn": str(out / drawn)}
                results.append({**facts, "detections": rows, "best": best})
        write_skipped(staged / "skipped.json", skipped)
        write_json(staged / "detections.json", results)
    return results


def _opened(
    path: Path, name: str, every: float
) -> Iterator[tuple[str, dict[str, float], Image.Image]]:
    """Yield the images of a file: the name of the drawing, what more is known, the image."""
    if not is_video(path):
        yield name, {}, open_image(path)
        return
    for second, image in frames(path, every):
        yield f"{name.removesuffix('.png')}-{second:08.2f}s.png", {"second": second}, image
