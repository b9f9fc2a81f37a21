"""Re-ranked blocks against the paper's dense matrices, for any block and both kinds of queries."""

import pytest
import torch

from tests.search.test_search import reranked_by_hand
from zoo.search.options import Reranking
from zoo.search.reranking import (
    reciprocal,
    reranked_blocks,
    reranked_shortlist,
    shortlisted_blocks,
)
from zoo.search.scan import Scan


def unit(count: int, seed: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(count, 6, generator=draw), dim=1)


@pytest.mark.parametrize(
    ("k1", "k2", "plain"),
    [(6, 3, 0.3), (5, 1, 0.0), (20, 6, 0.5), (4, 2, 1.0)],
)
@pytest.mark.parametrize("block", [70, 10_000])
def test_one_query_is_re_ranked_as_the_paper_says(
    k1: int, k2: int, plain: float, block: int
) -> None:
    query, gallery = unit(1, 1), unit(30, 2)
    options = Reranking(k1, k2, plain)
    everything = torch.cat([query, gallery]).double().numpy()
    wanted = torch.from_numpy(-reranked_by_hand(everything, k1, k2, plain)).float()
    blocks = reranked_blocks(query, gallery, options, itself=False, scan=Scan(block=block))
    ((rows, scores),) = ((r, s.clone()) for r, s in blocks)
    assert rows == slice(0, 1)
    torch.testing.assert_close(scores[0], wanted, rtol=1e-4, atol=1e-5)
    shortlist = reranked_shortlist(query[0], gallery, options)
    torch.testing.assert_close(shortlist, 1 + wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", [70, 10_000])
def test_a_gallery_that_asks_itself_is_re_ranked_row_by_row(block: int) -> None:
    vectors, options = unit(20, 3), Reranking(6, 3, 0.3)
    blocks = reranked_blocks(vectors, vectors, options, itself=True, scan=Scan(block=block))
    found = torch.cat([scores.clone() for _, scores in blocks])
    for row in range(20):
        others = [i for i in range(20) if i != row]
        order = torch.cat([vectors[[row]], vectors[others]]).double().numpy()
        wanted = torch.from_numpy(-reranked_by_hand(order, 6, 3, 0.3)).float()
        torch.testing.assert_close(found[row, others], wanted, rtol=1e-4, atol=1e-5)


def test_neighbours_are_reciprocal_within_as_many_as_are_asked() -> None:
    places = torch.tensor([[0, 1, 2], [1, 0, 2], [2, 1, 0], [3, 2, 0]])
    found = {
        (item, k): reciprocal(places, item, k).tolist() for item in (0, 2, 3) for k in (1, 2, 3)
    }
    assert found == {
        (0, 1): [0],
        (0, 2): [0, 1],
        (0, 3): [0, 1, 2],
        (2, 1): [2],
        (2, 2): [2],
        (2, 3): [2, 1, 0],
        (3, 1): [3],
        (3, 2): [3],
        (3, 3): [3],
    }


@pytest.mark.parametrize("block", [40, 10_000])
@pytest.mark.parametrize("own", [False, True])
def test_the_shortlist_stands_before_all_others_which_keep_their_similarity(
    own: bool, block: int
) -> None:
    gallery = unit(40, 4)
    queries = gallery[:3] if own else unit(3, 5)
    itself = torch.arange(3) if own else None
    options, similar = Reranking(5, 2, among=7), queries @ gallery.T
    blocks = shortlisted_blocks(queries, gallery, options, own=itself, scan=Scan(block=block))
    found = torch.cat([scores.clone() for _, scores in blocks])
    for row in range(3):
        left = similar[row].clone()
        if own:
            left[row] = -9
        first = left.topk(7).indices
        wanted = 2 + reranked_shortlist(queries[row], gallery[first], options)
        torch.testing.assert_close(found[row, first], wanted)
        rest = [i for i in range(40) if i not in first.tolist()]
        torch.testing.assert_close(found[row, rest], similar[row, rest])
        assert found[row, first].min() >= 2 > found[row, rest].max()


@pytest.mark.parametrize("own", [False, True])
def test_without_a_number_all_but_the_query_itself_are_re_ranked(own: bool) -> None:
    gallery = unit(12, 4)
    itself = torch.arange(2) if own else None
    queries = gallery[:2] if own else unit(2, 5)
    blocks = shortlisted_blocks(queries, gallery, Reranking(5, 2), own=itself)
    found = torch.cat([scores.clone() for _, scores in blocks])
    assert [(row >= 2).sum().item() for row in found] == [11 if own else 12] * 2
