"""What every sorter is: a module from scores to normalised ranks, with a checked input."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.ranking.numbers import check_finite_numbers


class Sorter(nn.Module, ABC):
    """Maps each row of scores to its descending ranks divided by the length (best = 1 / length).

    `length` is the only length the architecture can take; None means any length from 2 on.
    """

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        if length is not None and length < 2:
            raise UsageError(f"a sorter of length {length} has nothing to sort", "use 2 or more")
        self.length = length

    @abstractmethod
    def ranks(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Rank scores that are known to be finite and of a length the sorter takes."""

    def forward(self, scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
        """Check the scores, then rank each row.

        Raises:
            UsageError: the length is not one the sorter takes.
            DataError: a score is not finite.
        """
        check_length(type(self).__name__, self.length, scores.shape[1])
        check_finite_numbers(scores=scores)
        return self.ranks(scores)


def check_length(name: str, expected: int | None, length: int) -> None:
    """Raise UsageError unless a sorter made for `expected` scores can rank `length` of them."""
    if length < 2:
        raise UsageError(f"{name}: {length} score cannot be ranked", "give 2 or more")
    if expected is not None and length != expected:
        raise UsageError(
            f"{name} sorts exactly {expected} scores, not {length}",
            "use a length-agnostic sorter: gaussian, gruc or grus",
        )


def standardise(scores: Float[Tensor, "batch length"]) -> Float[Tensor, "batch length"]:
    """Give each row zero mean and unit deviation, the inputs learned sorters were trained on.

    A constant row becomes zeros; ranks do not change, gradients flow through both moments.

    Raises:
        DataError: a score is not finite.
    """
    check_finite_numbers(scores=scores)
    centred = scores - scores.mean(1, keepdim=True)
    scale = centred.square().sum(1, keepdim=True) / (scores.shape[1] - 1)
    tiny = torch.finfo(scores.dtype).tiny
    return centred * scale.clamp_min(tiny).rsqrt()
