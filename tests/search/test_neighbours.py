"""Exact nearest neighbours are those of the whole matrix, whatever the blocks."""

import pytest
import torch

from zoo.search.neighbours import nearest
from zoo.search.scan import Scan


@pytest.mark.parametrize("block", [1, 30, 10_000])
@pytest.mark.parametrize("k", [1, 4, 9, 50])
def test_neighbours_are_the_best_of_all_and_never_more_than_there_are(k: int, block: int) -> None:
    draw = torch.Generator().manual_seed(3)
    queries, gallery = torch.randn(7, 5, generator=draw), torch.randn(9, 5, generator=draw)
    scores, places = nearest(queries, gallery, k, scan=Scan(block=block))
    expected = (queries @ gallery.T).sort(dim=1, descending=True)
    assert torch.equal(places, expected.indices[:, :k])
    torch.testing.assert_close(scores, expected.values[:, :k])


@pytest.mark.parametrize("block", [1, 30, 10_000])
@pytest.mark.parametrize("k", [1, 4, 8, 9, 50])
def test_what_is_excluded_is_found_at_no_depth(k: int, block: int) -> None:
    draw = torch.Generator().manual_seed(3)
    gallery = torch.nn.functional.normalize(torch.randn(9, 5, generator=draw), dim=1)
    itself = torch.arange(9)
    scores, places = nearest(gallery, gallery, k, exclude=itself, scan=Scan(block=block))
    assert places.shape == (9, min(k, 8))
    assert not (places == itself[:, None]).any()
    assert scores.isfinite().all()
    every = (gallery @ gallery.T).fill_diagonal_(-2)
    assert torch.equal(places, every.argsort(dim=1, descending=True)[:, : min(k, 8)])
