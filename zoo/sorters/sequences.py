"""The synthetic score vectors that sorters learn from: ten types, drawn evenly."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Generator, Tensor

Draw = Callable[[int, int, Generator], Tensor]


def mixture(count: int, length: int, generator: Generator) -> Float[Tensor, "count length"]:
    """Draw `count` vectors, each of one of the ten types of SoDeep's training data (float64)."""
    kinds = torch.randint(len(KINDS), (count,), generator=generator)
    scores = torch.empty(count, length, dtype=torch.float64)
    for kind, draw in enumerate(KINDS):
        rows = (kinds == kind).nonzero().squeeze(1)
        scores[rows] = draw(len(rows), length, generator)
    return scores


def _uniform(count: int, length: int, generator: Generator) -> Tensor:
    return 2 * torch.rand(count, length, generator=generator, dtype=torch.float64) - 1


def _normal(count: int, length: int, generator: Generator) -> Tensor:
    return torch.randn(count, length, generator=generator, dtype=torch.float64)


def _ramp(count: int, length: int, generator: Generator) -> Tensor:
    start, end = torch.rand(2, count, 1, generator=generator, dtype=torch.float64).unbind()
    share = torch.arange(length, dtype=torch.float64) / length
    return start + (end - start) * share


def _shuffled_ramp(count: int, length: int, generator: Generator) -> Tensor:
    return _ramp(count, length, generator).gather(1, _permutations(count, length, generator))


def _uniform_then_normal(count: int, length: int, generator: Generator) -> Tensor:
    split = torch.randint(1, length, (count, 1), generator=generator)
    first = torch.arange(length) < split
    uniform, normal = _uniform(count, length, generator), _normal(count, length, generator)
    return torch.where(first, uniform, normal)


def _shuffled_integers(count: int, length: int, generator: Generator) -> Tensor:
    return _permutations(count, length, generator) + _uniform(count, length, generator)


def _fixed_ramp(count: int, length: int, _: Generator) -> Tensor:
    ramp = -1 + 2 * torch.arange(length, dtype=torch.float64) / length
    return ramp.expand(count, length)


def _permutations(count: int, length: int, generator: Generator) -> Tensor:
    return torch.rand(count, length, generator=generator).argsort(1)


# Two uniform parts (type 7) are one uniform vector; types 5 and 6 are the same mixture twice.
KINDS: tuple[Draw, ...] = (
    _uniform,
    _uniform,
    _normal,
    _ramp,
    _shuffled_ramp,
    _uniform_then_normal,
    _uniform_then_normal,
    _uniform,
    _shuffled_integers,
    _fixed_ramp,
)
