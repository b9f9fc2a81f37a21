"""A detector that draws boxes in the images people send."""

from PIL.Image import Image
from torch import nn

from zoo.serve.answers import Box, Boxes


class Detector:
    """A detection model under its name; it looks at one image after the other."""

    def __init__(self, model: nn.Module, name: str) -> None:
        self.model = model.eval()
        self.name = name

    def find(self, images: list[Image]) -> list[Boxes]:
        """Return what is in each image, best first."""
        return [self._find(image) for image in images]

    def _find(self, image: Image) -> Boxes:
        from zoo.detection.detect import find_boxes

        found = [
            Box(label=d.label, score=d.score, box=d.box) for d in find_boxes(self.model, image)
        ]
        return Boxes(width=image.width, height=image.height, detections=found)
