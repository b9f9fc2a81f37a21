"""Sorters: differentiable ranking, learned (SoDeep) or in closed form."""

from collections.abc import Callable
from functools import partial

from zoo.sorters.exact import exact_ranks
from zoo.sorters.feedforward import CNNSorter, MLPSorter
from zoo.sorters.gaussian import GaussianSorter
from zoo.sorters.neural_sort import NeuralSortSorter
from zoo.sorters.pairwise import (
    AdaptiveSorter,
    ScaledSigmoidSorter,
    SigmoidSorter,
    StraightThroughSorter,
)
from zoo.sorters.recurrent import GRUProjectionSorter, GRUSumSorter, GRUVectorSorter, LSTMSorter
from zoo.sorters.soft_rank import SoftRankSorter
from zoo.sorters.sorter import Sorter, standardise

SORTERS: dict[str, Callable[..., Sorter]] = {
    "gaussian": GaussianSorter,
    "lstm": partial(LSTMSorter, hidden=128),
    "lstmla": partial(LSTMSorter, hidden=512),
    "gruc": partial(GRUSumSorter, hidden=32, layers=6, squash=True),
    "grup": GRUProjectionSorter,
    "grus": partial(GRUSumSorter, hidden=4, layers=1, squash=False),
    "lstme": GRUVectorSorter,
    "cnn": CNNSorter,
    "mlp": MLPSorter,
    "exa": AdaptiveSorter,
    "sigmoid": SigmoidSorter,
    "scaled_sigmoid": ScaledSigmoidSorter,
    "straight_through": StraightThroughSorter,
    "soft_rank_l2": partial(SoftRankSorter, regulariser="l2"),
    "soft_rank_kl": partial(SoftRankSorter, regulariser="kl"),
    "neural_sort": NeuralSortSorter,
}

__all__ = ["SORTERS", "GaussianSorter", "Sorter", "exact_ranks", "standardise"]
