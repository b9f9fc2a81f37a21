"""A detector that draws boxes in the pictures people send."""

from PIL.Image import Image
from torch import nn

from zoo.serve.answers import Box, Boxes


class Detector:
    """A detection model under its name; it looks at one picture after the other."""

    def __init__(self, model: nn.Module, name: str) -> None:
        self.model = model.eval()
        self.name = name

    def find(self, pictures: list[Image]) -> list[Boxes]:
        """Return what is in each picture, best first."""
        return [self._find(picture) for picture in pictures]

    def _find(self, picture: Image) -> Boxes:
        from zoo.detection.detect import find_boxes

        found = [
            Box(label=d.label, score=d.score, box=d.box) for d in find_boxes(self.model, picture)
        ]
        return Boxes(width=picture.width, height=picture.height, detections=found)
