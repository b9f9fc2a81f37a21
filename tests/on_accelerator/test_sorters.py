"""Sorters on the pretended accelerator: the CPU's ranks and gradients."""

import pytest
import torch
from torch import Tensor

from tests.accelerator import same_on_both
from zoo.sorters import SORTERS, exact_ranks, standardise
from zoo.sorters.front import rank_error
from zoo.sorters.slow_update import SlowUpdate

SCORES = torch.randn(3, 12)


@pytest.mark.parametrize("name", SORTERS)
def test_ranks_and_their_gradient(name: str) -> None:
    def ranked(scores: Tensor) -> tuple[Tensor, Tensor]:
        torch.manual_seed(0)
        sorter = SORTERS[name]().to(scores.device)
        length = sorter.length or scores.shape[1]
        wide = torch.cat([scores] * (length // scores.shape[1] + 1), 1)[:, :length]
        leaf = wide.detach().requires_grad_()
        ranks = sorter(leaf)
        weights = torch.arange(length, dtype=ranks.dtype, device=ranks.device)
        return ranks, torch.autograd.grad((ranks * weights).sum(), leaf)[0]

    same_on_both(ranked, SCORES)


def test_exact_ranks_and_standardised_scores() -> None:
    same_on_both(exact_ranks, SCORES)
    same_on_both(standardise, SCORES)


def test_the_error_and_the_slow_update_of_a_sorter() -> None:
    same_on_both(lambda scores: rank_error(SORTERS["sigmoid"](), scores), SCORES)

    def updated(scores: Tensor) -> tuple[float, dict[str, Tensor]]:
        torch.manual_seed(0)
        sorter = SORTERS["grus"]().to(scores.device)
        slow = SlowUpdate(sorter, rate=0.01)
        slow.remember(scores)
        return slow.update(), sorter.state_dict()

    same_on_both(updated, SCORES)
