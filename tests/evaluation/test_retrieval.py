"""Evaluating a model: which task, which numbers, what is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from zoo.data.dataset import ImageDataset, Item
from zoo.errors import DataError
from zoo.evaluation import refinement
from zoo.evaluation.queries import task_of
from zoo.evaluation.retrieval import evaluate_retrieval
from zoo.evaluation.vectors import evaluate_vectors
from zoo.metrics import retrieval as metrics
from zoo.search.scan import score_blocks

Scene = Callable[..., ImageDataset]


def test_a_perfect_model_finds_everything(colour_model: nn.Module, squares: Scene) -> None:
    evaluation = evaluate_retrieval(colour_model, squares())
    assert evaluation.protocol == "self-retrieval"
    assert (evaluation.queries, evaluation.gallery, evaluation.skipped) == (12, 12, 0)
    for name in ("recall_at_1", "recall_at_10", "map_at_r", "mean_average_precision"):
        assert evaluation.metrics[name] == 1
    assert "the other 11 images" in evaluation.definition


def test_query_and_gallery_splits_are_searched_against_each_other(
    colour_model: nn.Module, squares: Scene
) -> None:
    evaluation = evaluate_retrieval(colour_model, squares(5, splits=("query", "gallery", "train")))
    assert evaluation.protocol == "query-gallery"
    assert (evaluation.queries, evaluation.gallery) == (6, 6)
    assert evaluation.metrics["recall_at_1"] == 1


@pytest.mark.parametrize("splits", [("train", "test"), ("train", "val"), ("val", "test")])
def test_what_was_trained_on_or_tuned_on_is_not_evaluated_when_there_is_a_choice(
    colour_model: nn.Module, squares: Scene, splits: tuple[str, str]
) -> None:
    evaluation = evaluate_retrieval(colour_model, squares(6, splits=splits))
    assert (evaluation.queries, evaluation.gallery) == (9, 9)
    assert f"every image of split {splits[1]}" in evaluation.definition


def labelled(labels: torch.Tensor, splits: list[str] | None = None) -> ImageDataset:
    items = tuple(
        Item(path=Path(f"{n}.png"), labels=tuple(map(str, row)), split=splits[n] if splits else "")
        for n, row in enumerate(labels.tolist())
    )
    names = tuple("label" if n == 0 else f"label_level_{n + 1}" for n in range(labels.shape[1]))
    return ImageDataset("made", Path(), items, names)


@pytest.fixture
def vectors() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return nn.functional.normalize(torch.randn(90, 8, generator=generator), dim=1)


def test_blocks_of_any_size_give_the_metrics_of_the_whole_matrix(
    vectors: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = torch.randint(0, 9, (90, 1))
    dataset = labelled(labels)
    itself = torch.arange(90)
    whole = metrics.leave_out(vectors @ vectors.T, labels == labels.T, itself, itself)
    monkeypatch.setattr("zoo.search.scan.GALLERY_ROWS", 32)
    monkeypatch.setattr(
        refinement,
        "score_blocks",
        lambda q, g, scan: score_blocks(q, g, scan=replace(scan, block=7 * 90)),
    )
    got = evaluate_vectors(vectors, vectors, dataset, task_of(dataset)).metrics
    assert got["recall_at_5"] == pytest.approx(float(metrics.recall_at_k(*whole, k=5)), abs=1e-12)
    assert got["map_at_r"] == pytest.approx(float(metrics.map_at_r(*whole)), abs=1e-12)
    expected = float(metrics.mean_average_precision(*whole))
    assert got["mean_average_precision"] == pytest.approx(expected, abs=1e-12)


def test_a_hierarchy_adds_its_metrics_without_the_query_itself(vectors: torch.Tensor) -> None:
    fine = torch.randint(0, 12, (90,))
    dataset = labelled(torch.stack([fine, fine // 3], dim=1))
    got = evaluate_vectors(vectors, vectors, dataset, task_of(dataset)).metrics
    assert {"h_ap", "ndcg", "asi", "mean_average_precision_label_level_2"} <= got.keys()
    others = [torch.cat([torch.arange(i), torch.arange(i + 1, 90)]) for i in range(90)]
    scores = torch.stack([(vectors @ vectors.T)[i, rest] for i, rest in enumerate(others)])
    shared = torch.stack(
        [
            (fine[rest] == fine[i]).long() + (fine[rest] // 3 == fine[i] // 3).long()
            for i, rest in enumerate(others)
        ]
    )
    assert got["h_ap"] == pytest.approx(float(metrics.h_ap(scores, shared, depth=2)), abs=1e-9)
    assert got["asi"] == pytest.approx(float(metrics.asi(scores, shared, depth=2)), abs=1e-9)
    assert got["ndcg"] == pytest.approx(float(metrics.ndcg(scores, shared)), abs=1e-9)


def test_duplicates_of_the_query_are_found_and_the_query_is_not() -> None:
    vectors = torch.eye(2)[[0, 0, 1, 1]]
    dataset = labelled(torch.tensor([[0], [0], [1], [1]]))
    got = evaluate_vectors(vectors, vectors, dataset, task_of(dataset))
    assert got.metrics["recall_at_1"] == 1
    assert got.metrics["mean_average_precision"] == 1


def test_queries_without_a_right_answer_are_counted_apart(vectors: torch.Tensor) -> None:
    labels = torch.tensor([[0]] * 4 + [[1]])
    got = evaluate_vectors(vectors[:5], vectors[:5], labelled(labels), task_of(labelled(labels)))
    assert (got.queries, got.skipped) == (5, 1)
    assert got.as_json()["queries_without_positives"] == 1


def test_a_gallery_that_shares_no_label_with_the_queries_is_refused(vectors: torch.Tensor) -> None:
    dataset = labelled(torch.arange(6)[:, None], ["query"] * 3 + ["gallery"] * 3)
    with pytest.raises(DataError, match="none of the 3 queries has a relevant item"):
        evaluate_vectors(vectors[:3], vectors[3:6], dataset, task_of(dataset))


def test_a_query_split_without_gallery_is_refused(squares: Scene) -> None:
    with pytest.raises(DataError, match="split query without its counterpart"):
        task_of(squares(4, splits=("query", "train")))


def test_the_wrong_number_of_embeddings_is_refused(vectors: torch.Tensor) -> None:
    dataset = labelled(torch.zeros(10, 1, dtype=torch.int64))
    with pytest.raises(DataError, match="9 embeddings for 10 images"):
        evaluate_vectors(vectors[:10], vectors[:9], dataset, task_of(dataset))


def test_images_without_labels_cannot_be_evaluated(squares: Scene) -> None:
    plain = squares()
    bare = ImageDataset("bare", plain.root, tuple(replace(i, labels=()) for i in plain.items), ())
    with pytest.raises(DataError, match="no label"):
        task_of(bare)
