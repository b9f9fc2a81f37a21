"""One embedding from several sizes of a picture."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

THREE_SCALES = (1.0, 2**-0.5, 0.5)  # the ones of the revisited Oxford and Paris benchmark


class MultiScale(nn.Module):
    """Wraps a model: embeddings at several scales, averaged and normalised.

    The pictures are resized as tensors, bilinear with antialiasing. `multiple` rounds sizes to
    what networks take (32 suits strides and patches of 4 to 32).
    """

    def __init__(self, model: nn.Module, scales: tuple[float, ...], multiple: int = 32) -> None:
        super().__init__()
        self.model = model
        self.scales = scales
        self.multiple = multiple
        self.transform = model.transform
        self.dim = model.dim

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch dim"]:
        """Embed a batch at every scale."""
        total = sum(self.model(self._resized(images, scale)) for scale in self.scales)
        assert isinstance(total, Tensor)
        return normalize(total, dim=1)

    def _resized(self, images: Tensor, scale: float) -> Tensor:
        if scale == 1:
            return images
        size = [
            max(self.multiple, round(side * scale / self.multiple) * self.multiple)
            for side in images.shape[2:]
        ]
        return interpolate(images, size=size, mode="bilinear", antialias=True)
