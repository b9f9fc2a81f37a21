"""Rank correlation at its edges; scipy is compared with in test_parity."""

import pytest
import torch

from zoo.metrics import correlation
from zoo.metrics.correlation import kendall, mean_ranks, spearman


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    assert mean_ranks(torch.tensor([5.0, 1.0, 5.0, 9.0])).tolist() == [2.5, 1, 2.5, 4]


def test_a_reversed_list_correlates_with_minus_one() -> None:
    x = torch.randn(50)
    assert float(spearman(x, -x)) == pytest.approx(-1)
    assert float(kendall(x, -x)) == pytest.approx(-1)


def test_a_constant_list_has_no_correlation() -> None:
    assert spearman(torch.ones(4), torch.rand(4)).isnan()
    assert kendall(torch.ones(4), torch.rand(4)).isnan()


def test_pairs_are_counted_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = torch.randn(2, 30)
    whole = kendall(x, y)
    monkeypatch.setattr(correlation, "ROWS", 7)
    assert float(kendall(x, y)) == pytest.approx(float(whole), abs=1e-12)
