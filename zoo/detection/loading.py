"""mmdetection's way to an image file, led through the one decoder of this product."""

from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

from zoo.data.images import open_image


@TRANSFORMS.register_module()
class OpenImage(BaseTransform):  # type: ignore[misc]
    """Opens `img_path` as upright RGB on white, and hands on the BGR that mmdetection expects.

    Adds `img` (height, width, 3) in uint8, `img_shape` and `ori_shape`.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the image.

        Raises:
            DataError: it cannot be opened; names it.
        """
        image = open_image(Path(results["img_path"]))
        results["img"] = np.ascontiguousarray(np.asarray(image)[..., ::-1])
        results["img_shape"] = results["ori_shape"] = results["img"].shape[:2]
        return results
