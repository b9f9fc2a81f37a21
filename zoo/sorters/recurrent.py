"""SoDeep's recurrent sorters: the scores are read as a sequence, in both directions."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.sorters.sorter import Sorter


class LSTMSorter(Sorter):
    """Bidirectional LSTM whose head maps all positions and features to all ranks.

    SoDeep (Engilberge et al., CVPR 2019); the head's weight is (length, length, 2 hidden), which
    ties the sorter to one length. `hidden=512` is the network of the paper's results.
    """

    def __init__(self, length: int = 100, hidden: int = 128, layers: int = 2) -> None:
        super().__init__(length)
        self.lstm = nn.LSTM(1, hidden, layers, batch_first=True, bidirectional=True)
        self.conv1 = nn.Conv1d(length, length, 2 * hidden)

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of exactly `length` scores."""
        features, _ = self.lstm(scores.unsqueeze(2))
        return torch.as_tensor(self.conv1(features).squeeze(2))


class GRUSumSorter(Sorter):
    """Bidirectional GRU; a score's rank is the sum of the features at its position.

    Takes any length. With `squash` the input goes through sigmoid(x / 2 + 1) and the sum through
    a sigmoid, which bounds the ranks to (0, 1).
    """

    def __init__(self, hidden: int, layers: int, squash: bool) -> None:
        super().__init__()
        self.rnn = nn.GRU(1, hidden, layers, batch_first=True, bidirectional=True)
        self.squash = squash

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of any length."""
        inputs = torch.sigmoid(scores / 2 + 1) if self.squash else scores
        features, _ = self.rnn(inputs.unsqueeze(2))
        summed = torch.as_tensor(features.sum(2))
        return torch.sigmoid(summed) if self.squash else summed


class GRUProjectionSorter(Sorter):
    """Bidirectional GRU of six layers under the same head as `LSTMSorter`, squashed both ends."""

    def __init__(self, length: int = 100, hidden: int = 128, layers: int = 6) -> None:
        super().__init__(length)
        self.rnn = nn.GRU(1, hidden, layers, batch_first=True, bidirectional=True)
        self.conv1 = nn.Conv1d(length, length, 2 * hidden)

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of exactly `length` scores."""
        features, _ = self.rnn(torch.sigmoid(scores / 2 + 1).unsqueeze(2))
        return torch.sigmoid(self.conv1(features).squeeze(2))


class GRUVectorSorter(Sorter):
    """A GRU shown the whole vector at every one of `length` steps; its last state holds the ranks.

    The state has `features` values per score, summed to one rank.
    """

    def __init__(self, length: int = 100, features: int = 5) -> None:
        super().__init__(length)
        self.features = features
        self.lstm = nn.GRU(length, features * length, batch_first=True)

    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank rows of exactly `length` scores."""
        length = scores.shape[1]
        _, last = self.lstm(scores.unsqueeze(1).expand(-1, length, -1))
        return torch.as_tensor(last[-1].unflatten(1, (length, self.features)).sum(2))
