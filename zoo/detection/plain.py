"""A detector for mmdetection itself: a configuration of its own types, and a checkpoint.

Training by a ranking loss needs our heads (`custom_imports` of `zoo.detection.heads`); finding
boxes does not. The centre-ness that ours leaves out of ATSS is written as one of 1 everywhere.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.detection.bridge import import_quietly, without_warnings
from zoo.detection.network import RANKINGS, network_config
from zoo.recipes.detector import DetectionRecipe

CONFIG = "detector.py"
SURE = 100.0  # a logit whose sigmoid is 1 in float32
PLAIN = {
    "RankedRetinaHead": "RetinaHead",
    "RankedATSSHead": "ATSSHead",
    "RankedRPNHead": "RPNHead",
    "RankedBBoxHead": "Shared2FCBBoxHead",
    "BlackboxAPBBoxHead": "Shared2FCBBoxHead",
}
LOGIT_PER_LABEL = {"type": "CrossEntropyLoss", "use_sigmoid": True}
META = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor")


class WholeDetector(nn.Module):
    """A detector up to the choice among its boxes; `forward` takes RGB values from 0 to 255."""

    detector: Any  # mmdetection is not typed

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector.eval()

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """Return every head's outputs, level by level."""
        import_quietly("mmdet.structures")
        from mmdet.structures import DetDataSample

        shape = tuple(images.shape[2:])
        facts = {"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0)}
        data = {
            "inputs": list(images.flip(1)),  # mmdetection reads BGR
            "data_samples": [DetDataSample(metainfo=facts) for _ in images],
        }
        ready = self.detector.data_preprocessor(data)
        return _tensors(self.detector(**ready, mode="tensor"))

    def example(self, batch: int) -> Float[Tensor, "batch 3 64 64"]:
        """Return noise."""
        return 255 * torch.rand(batch, 3, 64, 64, generator=torch.Generator().manual_seed(batch))


def write_mmdetection(network: nn.Module, _example: Tensor, path: Path) -> None:
    """Write a checkpoint, and beside it the configuration for `mmdet.apis.init_detector`."""
    import_quietly("mmdet.apis")
    from mmengine.config import Config

    model: Any = network
    labels, recipe = tuple(model.detector.labels), model.detector.recipe
    Config(mmdetection_config(recipe, labels)).dump(path.with_name(CONFIG))
    state = plain_weights(model.detector.state_dict(), recipe)
    torch.save({"state_dict": state, "meta": {"dataset_meta": {"classes": labels}}}, path)


def run_mmdetection(path: Path) -> Any:
    """Return the forward function of what mmdetection makes of the two files."""
    import_quietly("mmdet.apis")
    from mmdet.apis import init_detector

    with without_warnings():
        detector = init_detector(str(path.with_name(CONFIG)), str(path), device="cpu")
    return WholeDetector(detector)


def mmdetection_config(recipe: DetectionRecipe, labels: tuple[str, ...]) -> dict[str, Any]:
    """Return a configuration file's content in which every type is mmdetection's own."""
    model = network_config(recipe, len(labels))
    heads = model.get("roi_head", model)["bbox_head"]
    one_each = {"type": "CrossEntropyCustomLoss", "num_classes": len(labels)}
    for head in [*(heads if isinstance(heads, list) else [heads]), model.get("rpn_head", {})]:
        if head.pop("ranking", None) is not None:
            head.update(type=PLAIN[head["type"]], loss_cls=dict(LOGIT_PER_LABEL))
            if head["type"] == "Shared2FCBBoxHead":
                head["loss_cls"].update(one_each)  # one sigmoid a label, no background
    steps = [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "scale": recipe.data.scale, "keep_ratio": True},
        {"type": "PackDetInputs", "meta_keys": META},
    ]
    data = {"type": "CocoDataset", "metainfo": {"classes": labels}, "pipeline": steps}
    return {"default_scope": "mmdet", "model": model, "test_dataloader": {"dataset": data}}


def plain_weights(state: Mapping[str, Tensor], recipe: DetectionRecipe) -> dict[str, Tensor]:
    """Return a detector's tensors as the plain heads want them."""
    kept = {k: v for k, v in state.items() if ".ranking." not in k and "_extra_state" not in k}
    if _is_ranked(recipe) and recipe.network.detector == "atss":
        weight = state["bbox_head.atss_reg.weight"]
        anchors = weight.shape[0] // 4
        kept["bbox_head.atss_centerness.weight"] = torch.zeros_like(weight[:anchors])
        kept["bbox_head.atss_centerness.bias"] = torch.full((anchors,), SURE)
    return kept


def _is_ranked(recipe: DetectionRecipe) -> bool:
    return recipe.loss.name in (*RANKINGS, "blackbox_ap")


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [tensor for part in value for tensor in _tensors(part)]
