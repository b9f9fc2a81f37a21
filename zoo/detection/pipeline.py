"""Annotated parts as mmdetection's data loaders and metrics."""

from typing import Any

from zoo.detection.annotations import Part
from zoo.recipes.detector import DetectionRecipe

META = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")


def training_loader(
    recipe: DetectionRecipe, parts: list[Part], labels: tuple[str, ...], workers: int
) -> dict[str, Any]:
    """Return the loader of the training parts together: shuffled, flipped half of the time."""
    steps: list[dict[str, Any]] = [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations", "with_bbox": True},
        {"type": "Resize", "scale": recipe.data.scale, "keep_ratio": True},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "PackDetInputs"},
    ]
    sets = [_dataset(part, labels, steps, testing=False) for part in parts]
    together = {"type": "ConcatDataset", "datasets": sets, "ignore_keys": ["dataset_type"]}
    return {
        **_loader(workers),
        "batch_size": recipe.batch.size,
        "sampler": {"type": "DefaultSampler", "shuffle": True},
        "batch_sampler": {"type": "AspectRatioBatchSampler"},
        "dataset": sets[0] if len(sets) == 1 else together,
    }


def testing_loader(
    recipe: DetectionRecipe, part: Part, labels: tuple[str, ...], workers: int
) -> dict[str, Any]:
    """Return the loader of a part as it is evaluated: in order, boxes in the image's pixels."""
    steps: list[dict[str, Any]] = [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "scale": recipe.data.scale, "keep_ratio": True},
        {"type": "LoadAnnotations", "with_bbox": True},  # after resizing: the boxes stay as written
        {"type": "PackDetInputs", "meta_keys": META},
    ]
    return {
        **_loader(workers),
        "batch_size": 1,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": _dataset(part, labels, steps, testing=True),
    }


def evaluator(part: Part) -> dict[str, Any]:
    """Return COCO's box AP, or VOC's AP at IoU .5: over 11 points for 2007, the area after."""
    if part.layout == "coco":
        return {"type": "CocoMetric", "ann_file": str(part.annotations), "metric": "bbox"}
    mode = "area" if "2012" in part.images.name else "11points"
    return {"type": "VOCMetric", "metric": "mAP", "eval_mode": mode}


def protocol(part: Part) -> str:
    """Return the name of what `evaluator` measures."""
    if part.layout == "coco":
        return "coco-bbox"
    return "voc-area" if "2012" in part.images.name else "voc-11-point"


def _loader(workers: int) -> dict[str, Any]:
    return {"num_workers": workers, "persistent_workers": workers > 0}


def _dataset(
    part: Part, labels: tuple[str, ...], steps: list[dict[str, Any]], *, testing: bool
) -> dict[str, Any]:
    place = (
        {"type": "CocoDataset", "data_prefix": {"img": str(part.images)}}
        if part.layout == "coco"
        else {"type": "VOCDataset", "data_prefix": {"sub_data_root": str(part.images)}}
    )
    filtered: dict[str, Any] = {"filter_empty_gt": True, "min_size": 1}
    if part.layout == "voc" and part.bad_boxes:
        filtered["bbox_min_size"] = 1
    return {
        **place,
        "ann_file": str(part.annotations),
        "metainfo": {"classes": labels},
        "pipeline": steps,
        "test_mode": testing,
        "filter_cfg": None if testing else filtered,
    }
