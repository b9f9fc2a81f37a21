"""What models of images and texts share."""

from typing import Any, ClassVar

from torch import nn

from zoo.data.transforms import Transform, evaluation_transform
from zoo.models.embedder import EmbedsImages
from zoo.models.pretrained import Pretrained
from zoo.models.text_encoder import EmbedsTexts


class TwoSides(EmbedsImages, EmbedsTexts, nn.Module):
    """Images and texts on one unit sphere.

    `forward` maps normalised images (batch, 3, height, width) to (batch, dim) in float32, and
    `forward_texts` token ids and their mask (text, token), which `tokenize` makes, to (text, dim).
    """

    config: Any  # at least its `preprocessing`

    @property
    def transform(self) -> Transform:
        """The evaluation transform: an image to the image network's input."""
        return evaluation_transform(self.config.preprocessing)


class PretrainedSides(TwoSides, Pretrained, pipeline_tag="zero-shot-image-classification"):
    """Those that are read and written whole, tokeniser and all."""

    FILES: ClassVar = ["*.json", "*.safetensors", "*.txt"]
