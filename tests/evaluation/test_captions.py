"""Captions against a plain loop, folds, and what is refused."""

import pytest
import torch
from torch import Tensor

from zoo.errors import DataError
from zoo.evaluation.captions import evaluate_captions


@pytest.fixture
def pairs() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.nn.functional.normalize(torch.randn(40, 16, generator=generator), dim=1)
    owner = torch.arange(40).repeat_interleave(5)
    noise = torch.randn(200, 16, generator=generator)
    captions = torch.nn.functional.normalize(images[owner] + 0.4 * noise, dim=1)
    return images, captions, owner


def plain_ranks(images: Tensor, captions: Tensor, owner: Tensor) -> tuple[list[int], list[int]]:
    forth, back = [], []
    for i, image in enumerate(images):
        order = (captions @ image).argsort(descending=True).tolist()
        forth.append(1 + min(order.index(c) for c in range(len(captions)) if owner[c] == i))
    for c, caption in enumerate(captions):
        order = (images @ caption).argsort(descending=True).tolist()
        back.append(1 + order.index(int(owner[c])))
    return forth, back


def recall(ranks: list[int], k: int) -> float:
    return 100 * sum(rank <= k for rank in ranks) / len(ranks)


def test_both_directions_equal_a_plain_loop(pairs: tuple[Tensor, Tensor, Tensor]) -> None:
    found = evaluate_captions(*pairs)
    forth, back = plain_ranks(*pairs)
    total = 0.0
    for k in (1, 5, 10):
        assert found.metrics[f"i2t_recall_at_{k}"] == pytest.approx(recall(forth, k))
        assert found.metrics[f"t2i_recall_at_{k}"] == pytest.approx(recall(back, k))
        total += recall(forth, k) + recall(back, k)
    assert 0 < found.metrics["t2i_recall_at_1"] < 100
    assert found.metrics["rsum"] == pytest.approx(total)
    assert found.metrics["i2t_median_rank"] == sorted(forth)[20]
    assert found.metrics["t2i_mean_rank"] == pytest.approx(sum(back) / 200)


def test_folds_are_searched_alone_in_order_and_averaged(
    pairs: tuple[Tensor, Tensor, Tensor],
) -> None:
    images, captions, owner = pairs
    found = evaluate_captions(images, captions, owner, folds=4)
    parts = [
        plain_ranks(images[a : a + 10], captions[5 * a : 5 * a + 50], owner[:50])
        for a in range(0, 40, 10)
    ]
    expected = sum(recall(back, 1) for _, back in parts) / 4
    assert found.metrics["t2i_recall_at_1"] == pytest.approx(expected)
    assert (found.gallery, found.options["folds"]) == (10, "4")


def test_hits_of_every_image_are_kept_for_the_paired_comparison(
    pairs: tuple[Tensor, Tensor, Tensor],
) -> None:
    images, captions, owner = pairs
    found = evaluate_captions(*pairs)
    forth, _ = plain_ranks(*pairs)
    assert found.per_query.keys() == {f"i2t_recall_at_{k}" for k in (1, 5, 10)}
    for k in (1, 5, 10):
        hits = found.per_query[f"i2t_recall_at_{k}"].tolist()
        assert hits == [100.0 * (rank <= k) for rank in forth]
    assert (found.query_items, found.queries, found.gallery) == (tuple(range(40)), 240, 40)
    halves = evaluate_captions(*pairs, folds=2).per_query["i2t_recall_at_1"].tolist()
    first, _ = plain_ranks(images[:20], captions[:100], owner[:100])
    last, _ = plain_ranks(images[20:], captions[100:], owner[:100])
    assert halves == [100.0 * (rank <= 1) for rank in first + last]


def test_a_fold_knows_the_texts_of_its_own_captions() -> None:
    """Two images share their caption, and lie in the same fold."""
    images, captions = torch.eye(4), torch.eye(4)[[0, 1, 3, 2]]
    texts = ["a", "b", "c", "c"]
    found = evaluate_captions(images, captions, torch.arange(4), texts=texts, folds=2).metrics
    assert found["rsum"] == 600


def test_folds_that_do_not_fit_and_images_without_captions_are_refused(
    pairs: tuple[Tensor, Tensor, Tensor],
) -> None:
    images, captions, owner = pairs
    with pytest.raises(DataError, match="40 images do not make 3 equal folds"):
        evaluate_captions(images, captions, owner, folds=3)
    with pytest.raises(DataError, match="no caption"):
        evaluate_captions(images, captions[5:], owner[5:])


def test_equal_captions_are_relevant_to_each_others_images() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(60, 16), dim=1).repeat_interleave(4, dim=0)
    texts = [f"Thing  {n // 4}" if n % 2 else f"thing {n // 4} " for n in range(240)]
    owner = torch.arange(240)
    found = evaluate_captions(vectors, vectors, owner, texts=texts).metrics
    assert found["rsum"] == 600  # a perfect model, which no tie counts against
    assert evaluate_captions(vectors, vectors, owner).metrics["i2t_recall_at_1"] == 0


def test_several_images_of_a_caption_and_several_captions_of_an_image() -> None:
    images = torch.eye(3)
    captions = torch.eye(3)[[1, 0, 2, 2]]  # image 0 and 1 share "b"; image 2 has two captions
    owner = torch.tensor([0, 1, 2, 2])
    found = evaluate_captions(images, captions, owner, texts=["b", "B", "c", "d"]).metrics
    assert found["i2t_recall_at_1"] == found["t2i_recall_at_1"] == 100
    alone = evaluate_captions(images, captions, owner).metrics
    assert alone["i2t_recall_at_1"] == pytest.approx(100 / 3)
    assert alone["t2i_recall_at_1"] == 50
