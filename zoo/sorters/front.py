"""Judging a sorter: how exact its ranks are, and how much of a true rank change it predicts.

L1 alone can be gamed: an ever steeper sigmoid has an error near 0 and no useful gradient. So a
sorter is a point for each size of change: its L1 error, and the R² between J d (the change its
Jacobian predicts) and rank(y + d) - rank(y), for d ~ N(0, (resolution * deviation of y)²).
"""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from zoo.errors import DataError
from zoo.sorters.exact import exact_ranks
from zoo.sorters.pairwise import deviation
from zoo.sorters.sequences import mixture
from zoo.sorters.sorter import Sorter, standardise

RESOLUTIONS = (0.01, 0.1, 0.3)
_PAIRS_AT_ONCE = 1 << 22  # what a pairwise sorter may hold of (batch, item, rival)


@dataclass(frozen=True)
class Front:
    """A sorter's points: L1 rank error and R² of the predicted rank change, at each resolution."""

    l1: dict[float, float]
    r2: dict[float, float]


def validator(
    build: Callable[[float], Sorter],
    scores: Float[Tensor, "batch length"],
    generator: Generator,
    *,
    resolutions: tuple[float, ...] = RESOLUTIONS,
    standardised: bool = False,
) -> Front:
    """Place a sorter on the front; `build` makes it for a resolution (or ignores it).

    `standardised` puts the z-normalisation of the SoDeep losses before the sorter.
    """
    noise = torch.randn(scores.shape, generator=generator, dtype=scores.dtype)
    l1, r2 = {}, {}
    for resolution in resolutions:
        ranker = _ranker(build(resolution), standardised)
        l1[resolution] = rank_error(ranker, scores)
        r2[resolution] = explained_change(ranker, scores, resolution * deviation(scores) * noise)
    return Front(l1, r2)


def judging_vectors(length: int, count: int, seed: int = 0) -> tuple[Tensor, Generator]:
    """Draw the vectors every sorter is judged on, and the generator that goes on to the noise."""
    generator = Generator().manual_seed(seed)
    return mixture(count, length, generator), generator


@torch.no_grad()
def rank_error(ranker: Callable[[Tensor], Tensor], scores: Float[Tensor, "batch length"]) -> float:
    """Return the mean absolute error of the normalised ranks."""
    errors = [
        (ranker(part) - exact_ranks(part)).abs() for part in torch.split(scores, _rows(scores))
    ]
    return float(torch.cat(errors).mean())


def explained_change(
    ranker: Callable[[Tensor], Tensor],
    scores: Float[Tensor, "batch length"],
    change: Float[Tensor, "batch length"],
) -> float:
    """Return R², over all vectors together, of the rank change that J·change predicts.

    Raises:
        DataError: the change moves no rank, so there is nothing to explain.
    """
    true = exact_ranks(scores + change) - exact_ranks(scores)
    rows = _rows(scores)
    parts = zip(torch.split(scores, rows), torch.split(change, rows), strict=True)
    predicted = torch.cat([_directional(ranker, part, along) for part, along in parts])
    moved = float(true.square().sum())
    if moved == 0:
        raise DataError("no rank changes at this resolution", "use more vectors or a larger one")
    return 1 - float((true - predicted).square().sum()) / moved


def _directional(ranker: Callable[[Tensor], Tensor], scores: Tensor, along: Tensor) -> Tensor:
    # The fused CPU recurrence has no forward-mode derivative; the plain one does. Torch warns of
    # its own doings here: rules compiled with TorchScript, and Intel GPUs when the flag is set.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.backends.mkldnn.flags(enabled=False):
            tangent = torch.func.jvp(ranker, (scores,), (along,))[1]
    return torch.as_tensor(tangent).detach()


def _ranker(sorter: Sorter, standardised: bool) -> Callable[[Tensor], Tensor]:
    exact = copy.deepcopy(sorter).double().eval()
    return (lambda scores: exact(standardise(scores))) if standardised else exact


def _rows(scores: Tensor) -> int:
    return max(1, _PAIRS_AT_ONCE // scores.shape[1] ** 2)
