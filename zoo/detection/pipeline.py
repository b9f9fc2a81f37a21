"""Annotated parts as mmdetection's data loaders and metrics."""

from pathlib import Path
from typing import Any

from zoo.data.boxes.boxed import BoxedSet
from zoo.recipes.detector import DetectionRecipe, DetectorData

IMAGENET_BYTES = [
    123.675,
    116.28,
    103.53,
]  # the mean colour, which an expanded image is filled with
META = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")


def training_loader(
    recipe: DetectionRecipe, files: list[Path], labels: tuple[str, ...], workers: int
) -> dict[str, Any]:
    """Return the loader of the files of `write_part` together: shuffled and augmented."""
    steps: list[dict[str, Any]] = [
        {"type": "OpenImage"},
        {"type": "LoadAnnotations", "with_bbox": True},
        *_resized(recipe.data),
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "PackDetInputs"},
    ]
    sets = [_dataset(file, labels, steps, testing=False) for file in files]
    together = {"type": "ConcatDataset", "datasets": sets, "ignore_keys": ["dataset_type"]}
    return {
        **_loader(workers),
        "batch_size": recipe.batch.size,
        "sampler": {"type": "DefaultSampler", "shuffle": True},
        "batch_sampler": {"type": "AspectRatioBatchSampler"},
        "dataset": sets[0] if len(sets) == 1 else together,
    }


def _resized(data: DetectorData) -> list[dict[str, Any]]:
    """Return what happens to an image before the flip, with the constants of SSD's own code."""
    if data.augmentation == "ssd":
        colour = {"brightness_delta": 32, "contrast_range": (0.5, 1.5), "hue_delta": 18}
        overlaps = {"min_ious": (0.1, 0.3, 0.5, 0.7, 0.9), "min_crop_size": 0.3}
        return [
            {"type": "PhotoMetricDistortion", "saturation_range": (0.5, 1.5), **colour},
            {"type": "Expand", "mean": IMAGENET_BYTES, "to_rgb": True, "ratio_range": (1, 4)},
            {"type": "MinIoURandomCrop", **overlaps},
            {"type": "Resize", "scale": (data.squash, data.squash), "keep_ratio": False},
        ]
    if data.shorter:
        scales = [(data.scale[0], side) for side in data.shorter]
        return [{"type": "RandomChoiceResize", "scales": scales, "keep_ratio": True}]
    return [{"type": "Resize", "scale": data.scale, "keep_ratio": True}]


def testing_loader(
    recipe: DetectionRecipe, file: Path, labels: tuple[str, ...], workers: int
) -> dict[str, Any]:
    """Return the loader of a part as it is evaluated: in order, boxes in the image's pixels."""
    steps: list[dict[str, Any]] = [
        {"type": "OpenImage"},
        {"type": "Resize", "scale": recipe.data.scale, "keep_ratio": True},
        {"type": "LoadAnnotations", "with_bbox": True},  # after resizing: the boxes stay as written
        {"type": "PackDetInputs", "meta_keys": META},
    ]
    return {
        **_loader(workers),
        "batch_size": 1,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": _dataset(file, labels, steps, testing=True),
    }


def evaluator(part: BoxedSet, file: Path) -> dict[str, Any]:
    """Return VOC's AP at IoU .5 (over 11 points for 2007, the area after), or COCO's box AP."""
    if part.layout != "voc":
        return {"type": "CocoMetric", "ann_file": str(file), "metric": "bbox"}
    mode = "area" if "2012" in str(part.source) else "11points"
    return {"type": "VOCMetric", "metric": "mAP", "eval_mode": mode}


def protocol(part: BoxedSet) -> str:
    """Return the name of what `evaluator` measures."""
    if part.layout != "voc":
        return "coco-bbox"
    return "voc-area" if "2012" in str(part.source) else "voc-11-point"


def _loader(workers: int) -> dict[str, Any]:
    return {"num_workers": workers, "persistent_workers": workers > 0}


def _dataset(
    file: Path, labels: tuple[str, ...], steps: list[dict[str, Any]], *, testing: bool
) -> dict[str, Any]:
    return {
        "type": "CocoDataset",
        "ann_file": str(file),
        "data_prefix": {"img": ""},
        "metainfo": {"classes": labels},
        "pipeline": steps,
        "test_mode": testing,
        "filter_cfg": None if testing else {"filter_empty_gt": True, "min_size": 1},
    }
