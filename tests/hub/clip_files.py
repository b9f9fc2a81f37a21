"""The files of a tiny model of open_clip, as its repositories hold them."""

import json
from typing import Any

from safetensors.torch import save

TOWER = {"width": 32, "layers": 2}
SHAPE: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {**TOWER, "image_size": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {**TOWER, "context_length": 16, "vocab_size": 49408, "heads": 2},
}
INPUT = {"mean": [0.4, 0.5, 0.6], "std": [0.3, 0.2, 0.25], "interpolation": "bicubic"}
TEXTS = [
    "a red heart",
    "A photo of a very long cat that says more than sixteen tokens can hold now",
]


def files(network: Any, shape: Any = SHAPE, **transform: Any) -> dict[str, bytes]:
    config = {"model_cfg": shape, "preprocess_cfg": {**INPUT, **transform}}
    return {
        "open_clip_config.json": json.dumps(config).encode(),
        "open_clip_model.safetensors": save(network.state_dict()),
    }
