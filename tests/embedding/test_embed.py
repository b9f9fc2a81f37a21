"""Embeddings come in the dataset's order, and what is broken is named."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from zoo.data.dataset import ImageDataset
from zoo.embedding.embed import embed_dataset
from zoo.embedding.options import EmbedOptions
from zoo.errors import DataError

Scene = Callable[..., ImageDataset]


@pytest.mark.parametrize("workers", [0, 2])
def test_embeddings_come_in_dataset_order(
    colour_model: nn.Module, squares: Scene, workers: int
) -> None:
    dataset = squares(per_class=3)
    vectors = embed_dataset(colour_model, dataset, EmbedOptions(2, workers))
    assert vectors.shape == (9, 3)
    brightest = [("red", "green", "blue")[i] for i in vectors.argmax(dim=1)]
    assert brightest == [item.labels[0] for item in dataset.items]


def test_the_batch_size_changes_nothing(colour_model: nn.Module, squares: Scene) -> None:
    one, many = (embed_dataset(colour_model, squares(), EmbedOptions(n)) for n in (1, 5))
    torch.testing.assert_close(one, many)


def test_the_model_returns_to_the_mode_it_was_in(colour_model: nn.Module, squares: Scene) -> None:
    embed_dataset(colour_model.train(), squares(1))
    assert colour_model.training


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_named_in_one_line(
    colour_model: nn.Module, squares: Scene, workers: int
) -> None:
    dataset = squares()
    dataset.items[5].path.write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"green/1\.png") as caught:
        embed_dataset(colour_model, dataset, EmbedOptions(workers=workers))
    assert "\n" not in str(caught.value)


def test_embeddings_that_are_not_finite_name_their_images(
    colour_model: nn.Module, squares: Scene
) -> None:
    with torch.no_grad():
        next(colour_model.parameters()).fill_(torch.nan)
    with pytest.raises(DataError, match=r"not finite: .*red/0\.png") as caught:
        embed_dataset(colour_model, squares())
    assert "weights" in caught.value.hint


def test_embeddings_that_are_zero_are_told_by_name(
    colour_model: nn.Module, squares: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    embed_dataset(colour_model, squares())
    assert not caplog.messages
    with torch.no_grad():
        next(colour_model.parameters()).zero_()
    embed_dataset(colour_model, squares(), EmbedOptions(batch_size=5))
    (said,) = caplog.messages
    assert said.startswith("12 of 12 embeddings are zero: ")
    assert said.count("red/") == 3
