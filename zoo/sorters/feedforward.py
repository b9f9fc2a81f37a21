"""SoDeep's sorters without recurrence: a convolutional one tied to 100 scores, and an MLP."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.sorters.sorter import Sorter

CNN_LENGTH = 100  # without padding the ten kernels below shrink 100 positions to exactly one
_CHANNELS = (1, 8, 16, 32, 64, 96, 128, 256, 256, 128)
_KERNELS = (2, 3, 5, 7, 10, 7, 5, 3, 3)
_NORMALISED = (2, 4, 6, 8)


class CNNSorter(Sorter):
    """Ten unpadded convolutions, PReLU between them and batch norm after every second.

    The last convolution sees 64 positions and emits the ranks as channels, through a sigmoid.
    """

    def __init__(self, length: int = CNN_LENGTH) -> None:
        if length != CNN_LENGTH:
            raise UsageError(
                f"the cnn sorter exists for {CNN_LENGTH} scores, not {length}",
                f"its kernels shrink exactly {CNN_LENGTH} positions to one; use another sorter",
            )
        super().__init__(length)
        for number in range(1, 10):
            self.add_module(f"layer{number}", _convolution(number))
        self.layer10 = nn.Conv1d(_CHANNELS[-1], length, 64)

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of exactly 100 scores."""
        features = scores.unsqueeze(1)
        for number in range(1, 10):
            features = self.get_submodule(f"layer{number}")(features)
        return torch.sigmoid(self.layer10(features).squeeze(2))


def _convolution(number: int) -> nn.Sequential:
    inside, outside = _CHANNELS[number - 1], _CHANNELS[number]
    layers: list[nn.Module] = [nn.Conv1d(inside, outside, _KERNELS[number - 1])]
    if number in _NORMALISED:
        layers.append(nn.BatchNorm1d(outside))
    return nn.Sequential(*layers, nn.PReLU())


class MLPSorter(Sorter):
    """Three linear maps with ReLU between them."""

    def __init__(self, length: int = 100, hidden: int = 2048) -> None:
        super().__init__(length)
        self.lin1 = nn.Linear(length, hidden)
        self.lin2 = nn.Linear(hidden, hidden)
        self.lin3 = nn.Linear(hidden, length)

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of exactly `length` scores."""
        hidden = torch.relu(self.lin2(torch.relu(self.lin1(scores))))
        return torch.as_tensor(self.lin3(hidden))
