"""Post-processing against dense, literal versions of the papers' formulas."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset
from zoo.data.item import Item
from zoo.embedding.whitening import (
    learn_pair_whitening,
    learn_whitening,
    load_whitening,
    save_whitening,
)
from zoo.errors import DataError, IntegrityError, UnavailableError, UsageError
from zoo.evaluation.options import RefineOptions
from zoo.evaluation.queries import Task, matching_pairs
from zoo.evaluation.refinement import Refinement, refined_blocks
from zoo.search.expansion import Pull, expanded
from zoo.search.neighbours import nearest
from zoo.search.options import Reranking
from zoo.search.reranking import reranked_blocks

normalize = nn.functional.normalize


@pytest.fixture
def clusters() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    labels = torch.arange(60) % 6
    centres = torch.randn(6, 12, generator=generator)
    noise = torch.randn(60, 12, generator=generator)
    return normalize(centres[labels] + 1.2 * noise, dim=1), labels


def test_nearest_is_the_sorted_matrix_without_the_item_itself(
    clusters: tuple[Tensor, Tensor],
) -> None:
    vectors, _ = clusters
    scores, places = nearest(vectors, vectors, 5, exclude=torch.arange(60))
    full = (vectors @ vectors.T).fill_diagonal_(-torch.inf).sort(dim=1, descending=True)
    torch.testing.assert_close(scores, full.values[:, :5])
    assert torch.equal(places, full.indices[:, :5])


@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_query_expansion_is_its_formula(clusters: tuple[Tensor, Tensor], alpha: float) -> None:
    vectors, _ = clusters
    queries, gallery = vectors[:10], vectors[10:]
    got = expanded(queries, gallery, Pull(4, alpha))
    for query, moved in zip(queries, got, strict=True):
        scores = gallery @ query
        best = scores.topk(4)
        pull = sum(s.clamp(min=0) ** alpha * gallery[i] for s, i in zip(*best, strict=True))
        torch.testing.assert_close(moved, normalize(query + pull, dim=0))


def test_database_augmentation_leaves_the_item_itself_out(clusters: tuple[Tensor, Tensor]) -> None:
    vectors, _ = clusters
    got = expanded(vectors, vectors, Pull(1, 0.0), exclude=torch.arange(60))
    other = (vectors @ vectors.T).fill_diagonal_(-torch.inf).argmax(dim=1)
    torch.testing.assert_close(got, normalize(vectors + vectors[other], dim=1))


def dense_reranking(everything: Tensor, queries: int, o: Reranking) -> Tensor:
    """Zhong et al., CVPR 2017, sections 3.2-3.5, on full matrices."""
    n = len(everything)
    distance = (2 - 2 * everything @ everything.T).clamp(min=0)
    distance = distance / distance.amax(dim=1, keepdim=True)
    order = distance.argsort(dim=1, stable=True)

    def mutual(i: int, k: int) -> set[int]:
        return {int(j) for j in order[i, :k] if i in order[j, :k].tolist()}

    v = torch.zeros(n, n)
    for i in range(n):
        mine = mutual(i, o.k1 + 1)
        wide = set(mine)
        for candidate in mine:
            theirs = mutual(candidate, round(o.k1 / 2) + 1)
            if len(theirs & mine) > 2 / 3 * len(theirs):
                wide |= theirs
        members = sorted(wide)
        weights = torch.exp(-distance[i, members])
        v[i, members] = weights / weights.sum()
    if o.k2 > 1:
        v = torch.stack([v[order[i, : o.k2]].mean(dim=0) for i in range(n)])
    low = torch.minimum(v[:, None], v[None]).sum(dim=2)
    jaccard = 1 - low / torch.maximum(v[:, None], v[None]).sum(dim=2)
    return -(o.plain * distance + (1 - o.plain) * jaccard)[:queries]


@pytest.mark.parametrize("options", [Reranking(8, 3, 0.3), Reranking(5, 1, 0.0)])
def test_reranking_on_lists_equals_the_dense_formula(
    clusters: tuple[Tensor, Tensor], options: Reranking
) -> None:
    vectors, _ = clusters
    queries, gallery = vectors[:12], vectors[12:]
    got = torch.cat([s for _, s in reranked_blocks(queries, gallery, options, itself=False)])
    torch.testing.assert_close(
        got, dense_reranking(vectors, 12, options)[:, 12:], atol=1e-5, rtol=0
    )
    inside = torch.cat([s for _, s in reranked_blocks(vectors, vectors, options, itself=True)])
    torch.testing.assert_close(inside, dense_reranking(vectors, 60, options), atol=1e-5, rtol=0)


def test_whitening_gives_unit_variance_without_correlation_before_normalising() -> None:
    vectors = torch.randn(500, 6) @ torch.randn(6, 6) + 3
    whitening = learn_whitening(vectors)
    flat = (vectors - whitening.mean) @ whitening.projection
    torch.testing.assert_close(flat.T.cov(), torch.eye(6), atol=1e-3, rtol=0)
    assert whitening(vectors).norm(dim=1).allclose(torch.ones(500))


def test_whitening_keeps_the_directions_of_largest_variance() -> None:
    vectors = torch.randn(300, 4) * torch.tensor([1.0, 5.0, 0.1, 2.0])
    largest = learn_whitening(vectors, dim=2).projection.abs().argmax(dim=0)
    assert largest.tolist() == [1, 3]


def test_directions_without_variance_are_not_blown_up() -> None:
    vectors = torch.cat([torch.randn(50, 3), torch.zeros(50, 2)], dim=1)
    assert learn_whitening(vectors).projection.shape == (5, 3)


def test_pair_whitening_is_the_authors_procedure_step_by_step() -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(40, 5, generator=generator)
    pairs = torch.stack([torch.arange(20), torch.arange(20, 40)], dim=1)
    got = learn_pair_whitening(vectors, pairs, 3)
    columns = vectors.double().numpy().T  # d x N, as Radenovic et al. write it
    q, p = columns[:, :20], columns[:, 20:]
    mean = q.mean(axis=1, keepdims=True)
    inverse = np.linalg.inv(np.linalg.cholesky((q - p) @ (q - p).T / 20))
    scatter = inverse @ (columns - mean) @ (inverse @ (columns - mean)).T
    values, directions = np.linalg.eigh(scatter)
    want = (directions[:, values.argsort()[::-1]].T @ inverse)[:3]
    signs = np.sign((want * got.projection.numpy().T).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(got.projection.numpy().T * signs, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(got.mean.numpy(), mean[:, 0], atol=1e-6)


def test_pair_whitening_finds_the_classes_behind_a_loud_nuisance() -> None:
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(200) % 20
    vectors = torch.randn(20, 8, generator=generator)[labels]
    vectors += 0.1 * torch.randn(200, 8, generator=generator)
    vectors[:, :5] += 20 * torch.randn(200, 5, generator=generator)
    pairs = matching_pairs(toy([str(int(label)) for label in labels]))
    assert all(labels[a] == labels[b] and a != b for a, b in pairs)

    def recall(found: Tensor) -> float:
        nearest_item = (found @ found.T).fill_diagonal_(-torch.inf).argmax(dim=1)
        return float((labels[nearest_item] == labels).float().mean())

    assert recall(learn_pair_whitening(vectors, pairs)(vectors)) > 0.8
    assert recall(normalize(vectors, dim=1)) < 0.3


def test_pairs_that_never_differ_get_a_jitter_and_no_pair_is_refused() -> None:
    found = learn_pair_whitening(torch.eye(4), torch.tensor([[0, 0], [1, 1]]))
    assert bool(found(torch.eye(4)).isfinite().all())
    with pytest.raises(DataError, match="0 matching pairs"):
        learn_pair_whitening(torch.eye(4), torch.empty(0, 2, dtype=torch.int64))
    with pytest.raises(DataError, match="not finite"):
        learn_pair_whitening(torch.full((4, 4), torch.nan), torch.tensor([[0, 1]]))


@pytest.mark.parametrize(("labels", "count"), [("abbccc", 0 + 1 + 3), ("ab", 0)])
def test_every_image_is_paired_with_the_next_of_its_class(labels: str, count: int) -> None:
    assert len(matching_pairs(toy(labels))) == count


def toy(labels: Sequence[str]) -> ImageDataset:
    items = tuple(Item(Path(f"{i}.png"), (label,)) for i, label in enumerate(labels))
    return ImageDataset("toy", Path(), items, ("label",))


def test_a_whitening_survives_the_disk(tmp_path: Path) -> None:
    vectors = torch.randn(50, 4)
    whitening = learn_whitening(vectors, 2)
    save_whitening(whitening, tmp_path / "white.safetensors")
    again = load_whitening(tmp_path / "white.safetensors")
    assert torch.equal(again(vectors), whitening(vectors))
    assert again.by == "pca"
    pairs = learn_pair_whitening(vectors, torch.tensor([[0, 1]]))
    save_whitening(pairs, tmp_path / "white.safetensors")
    kept = load_whitening(tmp_path / "white.safetensors")
    assert "matching pairs" in Refinement(whitening=kept).described["whitening"]


def test_whitenings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="3 embeddings of 8 numbers cannot be whitened to 5"):
        learn_whitening(torch.randn(3, 8), 5)
    with pytest.raises(DataError, match="of 4 numbers for embeddings of 8"):
        learn_whitening(torch.randn(20, 4))(torch.randn(2, 8))
    with pytest.raises(UnavailableError, match="no such whitening"):
        load_whitening(tmp_path / "none")
    (tmp_path / "text").write_text("no tensors here")
    with pytest.raises(IntegrityError, match="holds no whitening"):
        load_whitening(tmp_path / "text")


def test_expansion_never_takes_the_query_itself_for_its_neighbour(
    clusters: tuple[Tensor, Tensor],
) -> None:
    vectors, _ = clusters
    positions = torch.randperm(60)
    task = Task("t", "", positions[:20], positions, itself=True)
    refinement = Refinement(expansion=1, alpha=0.0)
    got = torch.cat([s for _, s in refined_blocks(vectors[:20], vectors, task, refinement)])
    other = (vectors[:20] @ vectors.T).fill_diagonal_(-torch.inf).argmax(dim=1)
    moved = normalize(vectors[:20] + vectors[other], dim=1)
    torch.testing.assert_close(got, moved @ vectors.T)


def test_what_is_done_is_described() -> None:
    assert Refinement().described == {}
    done = Refinement(expansion=3, alpha=2.0, reranking=Reranking()).described
    assert done == {
        "expansion": "queries + 3 neighbours weighted by similarity^2",
        "reranking": "k-reciprocal, k1=20, k2=6, lambda=0.3",
    }


@pytest.mark.parametrize("asked", [{"whitening_dim": 4}, {"whiten_by": "pairs"}])
def test_how_whitening_is_learned_means_nothing_without_data(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--whiten-on DATA"):
        RefineOptions(**asked).require_data()
    RefineOptions(whiten_on=Path("data"), **asked).require_data()


@pytest.mark.parametrize("negative", [{"augmentation": -1}, {"expansion": -1}, {"alpha": -0.5}])
def test_one_negative_number_is_enough_to_be_refused(negative: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="zero or more"):
        Refinement(**negative)
    assert Refinement(None, 0, 0, 0.0).described == {}
