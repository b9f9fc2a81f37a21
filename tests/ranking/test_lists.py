"""Items, levels and counts, against loops over every pair."""

import pytest
import torch
from torch import Tensor

from zoo.ranking import step_sums as kernel
from zoo.ranking.exact import count_at_least, rank_among_items
from zoo.ranking.levels import common_levels, related_items, sup_ranks
from zoo.ranking.positives import Items, count_positives, items_where, positives
from zoo.ranking.steps import SupRankStep
from zoo.ranking.sweep import Panels


def listed(items: Items) -> list[list[int]]:
    rows = zip(items.columns, items.listed, strict=True)
    return [sorted(columns[chosen].tolist()) for columns, chosen in rows]


@pytest.mark.parametrize("classes", [1, 3, 40])
def test_positives_are_the_other_items_of_the_class(classes: int) -> None:
    mine, theirs = torch.randint(classes, (9,)), torch.randint(classes, (14,))
    own = torch.randint(-1, 14, (9,))
    for apart in (None, own):
        expected = [
            [c for c in range(14) if theirs[c] == mine[q] and (apart is None or c != apart[q])]
            for q in range(9)
        ]
        items = positives(mine, theirs, own=apart)
        assert listed(items) == expected
        assert items.listed.shape[1] == max(1, *map(len, expected))
        padding = items.columns[~items.listed]
        assert padding.equal(items.columns[:, :1].expand_as(items.columns)[~items.listed])
        if apart is None:
            assert count_positives(mine, theirs).tolist() == list(map(len, expected))


def test_some_rows_keep_only_the_columns_they_need() -> None:
    items = items_where(torch.tensor([[True, True, True], [False, True, False], [False] * 3]))
    assert listed(items) == [[0, 1, 2], [1], []]
    assert items[1:].columns.shape == (2, 1)
    assert items[:0].columns.shape == (0, 1)
    assert listed(items[1:2]) == [[1]]


def test_counts_reach_with_ties() -> None:
    scores = torch.randint(5, (6, 12)).double()
    scores[0, 3] = -torch.inf
    own = torch.randint(5, (6, 4)).double()
    expected = (scores[:, None, :] >= own[:, :, None]).sum(dim=2).double()
    torch.testing.assert_close(count_at_least(scores, own), expected)


def test_ranks_among_items_leave_padding_out() -> None:
    own = torch.tensor([[0.3, 0.9, 0.3, torch.inf]])
    items = Items(torch.zeros(1, 4, dtype=torch.int64), torch.tensor([[True, True, True, False]]))
    assert rank_among_items(own, items)[0, :3].tolist() == [3, 1, 3]


def test_sup_ranks_are_exact_upwards_and_soft_downwards() -> None:
    """With steps 40 tau apart the surrogate below an item is the step plus its line."""
    labels = torch.tensor([[0, 0], [0, 0], [1, 0], [1, 0], [2, 1], [3, 1]])
    level = common_levels(labels[:2], labels)
    level[torch.arange(2), torch.arange(2)] = -1
    scores = torch.randperm(12).reshape(2, 6).double()
    scores[torch.arange(2), torch.arange(2)] = -torch.inf
    step = SupRankStep(tau=0.01, rho=1e-9, delta=0.5, start=0.0, offset=1.0)
    related = related_items(scores, level)
    for relevance, items, rank, own in sup_ranks(scores, 2, related, step):
        assert listed(items) == [
            [c for c in range(6) if level[q, c] == relevance] for q in range(2)
        ]
        for query in range(2):
            for place in items.listed[query].nonzero()[:, 0]:
                expected = int((scores[query] >= own[query, place]).sum())
                assert float(rank[query, place]) == pytest.approx(expected, abs=1e-6)


def test_related_items_are_counted_by_level() -> None:
    level = torch.tensor([[2, 1, 0, 1], [0, 0, 0, 0], [-1, 2, 2, 0]])
    related = related_items(torch.rand(3, 4), level)
    assert related.count(2).tolist() == [[2, 1], [0, 0], [0, 2]]
    assert listed(related.at(1)) == [[1, 3], [], []]
    assert listed(related.from_level(1)) == [[0, 1, 3], [], [1, 2]]


@pytest.mark.parametrize("chunk", [1, 2, 7])
def test_panels_are_the_scores_without_the_hidden_columns(chunk: int) -> None:
    queries, gallery = torch.randn(5, 3), torch.randn(4, 3)
    hidden = torch.tensor([-1, 3, 0, -1, 2])
    expected: Tensor = queries @ gallery.T
    for row, column in enumerate(hidden.tolist()):
        if column >= 0:
            expected[row, column] = -torch.inf
    panels = list(Panels(queries, gallery, hidden, chunk))
    torch.testing.assert_close(torch.cat([panel for _, panel in panels]), expected)
    assert all(0 < len(panel) <= chunk for _, panel in panels)
    assert [rows.stop - rows.start for rows, _ in panels] == [len(panel) for _, panel in panels]


@pytest.mark.parametrize("gaps", [1, 30, 64, 10_000])
def test_blocks_cover_every_gap_once_and_hold_no_more_than_fit(
    gaps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "EAGER", gaps)
    rivals, own = torch.empty(7, 10), torch.empty(7, 5)
    met = torch.zeros(7, 5)
    for rows, items in kernel._blocks(rivals, own, eager=True):
        met[rows, items] += 1
        assert met[rows, items].numel() * 10 <= max(gaps, 10)
    assert met.eq(1).all()
    monkeypatch.setattr(kernel, "FUSED", 10_000)
    assert list(kernel._blocks(rivals, own, eager=False)) == [(slice(0, 200), slice(0, 5))]
