"""Duplicates, maps, votes and expanded queries."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from zoo.data.dataset import read_dataset
from zoo.errors import UsageError
from zoo.index import Hit, Index, ModelIdentity, Record
from zoo.index.duplicates import duplicates
from zoo.index.map import grid, map_page, project
from zoo.index.refine import Vote, expand, rerank, vote
from zoo.search.reranking import Reranking


def hit(score: float, **labels: str) -> Hit:
    return Hit(1, score, Path("x.png"), Record("x.png", labels=labels))


def test_chains_of_similar_items_form_one_group_and_removed_ones_none(
    tmp_path: Path, identity: ModelIdentity, records: Callable[..., list[Record]]
) -> None:
    angles = torch.tensor([0.0, 0.1, 0.2, 1.0, 1.1, 2.0, 3.0, 3.05])
    vectors = torch.stack([angles.cos(), angles.sin()], dim=1)
    index = Index.from_vectors(tmp_path / "idx", vectors, records(8), identity)
    index.remove(ids=[7])
    threshold = float(torch.tensor(0.15).cos())
    groups = duplicates(index, threshold)
    assert [[h.record.id for h in group] for group in groups] == [[0, 1, 2], [3, 4]]
    assert groups[0][0].score == pytest.approx(float(torch.tensor(0.1).cos()), abs=1e-6)
    assert duplicates(index, 0.99999) == []
    with pytest.raises(UsageError, match="no cosine"):
        duplicates(index, 1.5)


def test_votes_weigh_near_hits_more_than_many_far_ones() -> None:
    near, far = {"label": "tower", "group": "built"}, {"label": "tree", "group": "grown"}
    votes = vote([hit(0.9, **near), *(hit(0.4, **far) for _ in range(5))])
    share = 0.9**3 / (0.9**3 + 5 * 0.4**3)
    assert votes == [Vote("label", "tower", share, 1), Vote("group", "built", share, 1)]


def test_levels_vote_for_themselves_and_hits_without_a_label_abstain() -> None:
    votes = vote(
        [
            hit(0.5, label="a", group="x"),
            hit(0.4, label="b", group="y"),
            hit(0.4, label="c", group="y"),
            hit(1.0),
        ]
    )
    assert [(v.level, v.label, v.support) for v in votes] == [("label", "a", 1), ("group", "y", 2)]
    assert vote([]) == []
    assert vote([hit(-0.5, label="a")]) == [Vote("label", "a", 0.0, 1)]


def test_an_expanded_query_is_the_weighted_mean_of_itself_and_its_neighbours(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index, query = make_index(50), points(1, seed=1)
    scores, rows = (query @ points(50).T)[0].topk(4)
    mean = query[0] + (scores.clamp(min=0) ** 3) @ points(50)[rows]
    assert torch.allclose(expand(index, query, 4)[0], mean / mean.norm(), atol=1e-5)
    assert torch.allclose(expand(index, query, 4, where="0")[0], query[0], atol=1e-6)


def reranked_by_hand(
    vectors: Float[np.ndarray, "item dim"], k1: int, k2: int, plain: float
) -> Float[np.ndarray, " gallery"]:
    """Zhong et al.'s distance of item 0 to all others, with dense N x N matrices."""
    squared = np.maximum(2 - 2 * vectors @ vectors.T, 0)
    scaled = squared / squared.max(axis=1, keepdims=True)
    order = np.argsort(squared, axis=1, kind="stable")

    def near(i: int, k: int) -> set[int]:
        return set(order[i, : k + 1].tolist())

    def mutual(i: int, k: int) -> set[int]:
        return {j for j in near(i, k) if i in near(j, k)}

    encoded = np.zeros_like(squared)
    for i in range(len(vectors)):
        members = set(mutual(i, k1))
        for j in mutual(i, k1):
            theirs = mutual(j, round(k1 / 2))
            if len(theirs & mutual(i, k1)) > 2 / 3 * len(theirs):
                members |= theirs
        chosen = sorted(members)
        encoded[i, chosen] = np.exp(-scaled[i, chosen])
        encoded[i] /= encoded[i].sum()
    mean = np.stack([encoded[order[i, :k2]].mean(axis=0) for i in range(len(vectors))])
    small, large = (f(mean[0], mean).sum(axis=1) for f in (np.minimum, np.maximum))
    distance: Float[np.ndarray, " gallery"] = plain * scaled[0] + (1 - plain) * (1 - small / large)
    return distance[1:]


def test_reranked_hits_are_in_the_order_of_their_reciprocal_neighbourhoods(
    make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index, queries = make_index(60), points(5, seed=1)
    options = Reranking(k1=6, k2=3, plain=0.3)
    changed = 0
    for query in queries:
        shortlist = (query @ points(60).T).topk(25).indices
        everything = torch.cat([query[None], points(60)[shortlist]]).double().numpy()
        expected = shortlist[np.argsort(reranked_by_hand(everything, 6, 3, 0.3), kind="stable")]
        (hits,) = rerank(index, query[None], 8, among=25, options=options)
        assert [hit.record.id for hit in hits] == expected[:8].tolist()
        assert [hit.rank for hit in hits] == [*range(1, 9)]
        assert hits[0].score == pytest.approx(float(query @ points(60)[hits[0].record.id]))
        changed += expected[:8].tolist() != shortlist[:8].tolist()
    assert changed > 0
    assert rerank(index, queries[:1], 8, where="0") == [[]]
    with pytest.raises(UsageError, match="7 hits re-ranked cannot give 8"):
        rerank(index, queries, 8, among=7)


def test_a_grid_gives_every_point_its_own_cell_in_order() -> None:
    points = torch.rand(50, 2, generator=torch.Generator().manual_seed(0))
    cells = grid(points)
    assert len({tuple(cell) for cell in cells.tolist()}) == 50
    assert int(cells.max()) == 7
    left = points[cells[:, 0] == 0, 0].max()
    assert bool((points[cells[:, 0] > 0, 0] >= left).all())


def test_a_projection_keeps_the_two_widest_directions() -> None:
    wide = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    wide *= torch.tensor([9.0, 4.0, 0.1, 0.1, 0.1])
    flat = project(wide)
    corners = torch.corrcoef(torch.cat([flat, wide[:, :2]], dim=1).T).abs()
    assert float(corners[0, 2]) > 0.99
    assert float(corners[1, 3]) > 0.99
    assert project(torch.ones(1, 1)).tolist() == [[0.0, 0.0]]


def test_a_map_shows_every_image_that_is_still_there(
    tmp_path: Path, photos: Path, colour_model: Callable[..., Any]
) -> None:
    dataset = read_dataset(photos, require_labels=False)
    index = Index.build(tmp_path / "idx", colour_model(), dataset)
    shutil.rmtree(photos / "red")
    page = map_page(index)
    assert page.count("<img") == 8
    assert "4 images are missing" in page
    assert "http" not in page.replace("http-equiv", "")
    assert map_page(index, limit=3).count("<img") <= 3
