"""Embedding, evaluation and search on the pretended accelerator: the CPU's results."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.accelerator import accelerator, assert_alike
from zoo.data.dataset import ImageDataset
from zoo.embedding.embed import embed_dataset
from zoo.embedding.options import EmbedOptions
from zoo.embedding.sizes import MultiScale, WholeImages
from zoo.embedding.whitening import learn_whitening
from zoo.evaluation.queries import task_of
from zoo.evaluation.refinement import Refinement
from zoo.evaluation.retrieval import evaluate_retrieval
from zoo.evaluation.vectors import How, evaluate_vectors
from zoo.index import Index
from zoo.models import Embedder
from zoo.search.neighbours import nearest
from zoo.search.options import Reranking
from zoo.search.scan import Scan

Build = Callable[..., Embedder]
VECTORS = nn.functional.normalize(torch.randn(40, 8, generator=torch.Generator().manual_seed(0)))
REFINEMENTS = {
    "nothing": Refinement(),
    "whitening": Refinement(whitening=learn_whitening(VECTORS, 4)),
    "augmentation": Refinement(augmentation=2),
    "expansion": Refinement(expansion=2, alpha=3.0),
    "re-ranking": Refinement(reranking=Reranking(5, 2)),
    "a shortlist re-ranked": Refinement(reranking=Reranking(5, 2, among=10)),
    "all": Refinement(learn_whitening(VECTORS, 4), 2, 2, 1.0, Reranking(5, 2)),
}


@pytest.mark.parametrize("kind", ["plain", "scales", "whole"])
def test_embeddings(kind: str, dataset: ImageDataset, network: Build) -> None:
    wrap: dict[str, Callable[[Embedder], nn.Module]] = {
        "plain": lambda model: model,
        "scales": lambda model: MultiScale(model, (1.0, 2.0)),
        "whole": lambda model: WholeImages(model, 32),
    }
    few = dataset.subset(list(range(6)))
    expected = embed_dataset(wrap[kind](network()), few, EmbedOptions(batch_size=4))
    with accelerator() as device:
        found = embed_dataset(wrap[kind](network()), few, EmbedOptions(4, device=device))
    assert_alike(found, expected)


def test_images_given_one_by_one(dataset: ImageDataset, network: Build) -> None:
    expected = network().eval().embed_images(dataset.paths[:3])
    with accelerator() as device:
        found = network().eval().to(device).embed_images(dataset.paths[:3])
    assert_alike(found, expected)


@pytest.mark.parametrize("name", REFINEMENTS)
def test_an_evaluation_refined_by(name: str, dataset: ImageDataset) -> None:
    def measured(device: str) -> dict[str, float]:
        found = evaluate_vectors(
            VECTORS,
            VECTORS,
            dataset,
            task_of(dataset),
            How((1, 5, 10), REFINEMENTS[name], Scan(device)),
        )
        return dict(found.metrics)

    expected = measured("cpu")
    with accelerator() as device:
        assert measured(device) == pytest.approx(expected, nan_ok=True)


def test_an_evaluation_from_images(dataset: ImageDataset, network: Build) -> None:
    expected = evaluate_retrieval(network(), dataset)
    with accelerator() as device:
        found = evaluate_retrieval(network(), dataset, EmbedOptions(device=device))
    assert found.metrics == pytest.approx(expected.metrics)


def test_the_nearest_items() -> None:
    expected = nearest(VECTORS[:5], VECTORS, 3, exclude=torch.arange(5))
    with accelerator() as device:
        found = nearest(VECTORS[:5], VECTORS, 3, exclude=torch.arange(5), scan=Scan(device))
    torch.testing.assert_close(found, expected)


def test_an_index_built_and_asked(dataset: ImageDataset, network: Build, tmp_path: Path) -> None:
    few = dataset.subset(list(range(12)))
    asked: Tensor = network().eval().embed_images(few.paths[:4])

    def answers(device: str) -> list[list[int]]:
        index = Index.build(tmp_path / device, network().eval(), few, device=device)
        return [[hit.record.id for hit in hits] for hits in index.search(asked, 3)]

    expected = answers("cpu")
    with accelerator() as device:
        assert answers(device) == expected
