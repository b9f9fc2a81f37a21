"""Images that learn a text encoder's space."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset
from zoo.errors import DataError, UsageError
from zoo.losses.pairs import PAIR_LOSSES
from zoo.models import Embedder
from zoo.models.text_encoder import TextEncoder
from zoo.recipes import Recipe
from zoo.recipes.recipe import Batch, Captions, LossTerm, Network
from zoo.training.captions import CaptionObjective, CaptionTable, embed_captions
from zoo.training.distributed import World
from zoo.training.loop import train


class Words(TextEncoder):
    """A text encoder without a transformer: each text is a random point of its own."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.dim = 16
        self.asked: list[str] = []

    def embed_texts(self, texts: object, batch_size: int = 64) -> Tensor:
        assert isinstance(texts, list)
        self.asked += texts
        vectors = [
            torch.randn(16, generator=torch.Generator().manual_seed(sum(text.encode())))
            for text in texts
        ]
        return nn.functional.normalize(torch.stack(vectors), dim=1)


@pytest.fixture
def captioned(dataset: ImageDataset) -> ImageDataset:
    """Every image says its class in one or two captions; the last copies are for testing."""
    items = []
    for place, item in enumerate(dataset.items):
        texts = (f"a photo of {item.labels[0]}", f"{item.labels[0]}, again")[: 1 + place % 2]
        split = "test" if place % 4 == 3 else "train"
        items.append(replace(item, captions=texts, split=split))
    return replace(dataset, items=tuple(items))


@pytest.fixture
def caption_recipe(recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        network=Network("test_resnet", dim=16),
        captions=Captions(),
        batch=Batch(8, sampler="shuffled", chunk=3),
        loss=LossTerm("info_nce"),
    )


def test_an_equal_text_is_embedded_once_and_owned_by_each_item(captioned: ImageDataset) -> None:
    encoder = Words()
    table = embed_captions(encoder, captioned)
    assert len(encoder.asked) == len(set(encoder.asked)) == 20
    assert len(table.vectors) == 60
    texts = [text for item in captioned.items for text in item.captions]
    assert torch.equal(table.vectors, Words().embed_texts(texts))
    assert table.owner.tolist() == [i for i, x in enumerate(captioned.items) for _ in x.captions]


def test_an_image_without_caption_is_named(captioned: ImageDataset) -> None:
    bare = replace(captioned.items[5], captions=())
    items = (*captioned.items[:5], bare, *captioned.items[6:])
    with pytest.raises(DataError, match=bare.path.name):
        embed_captions(Words(), replace(captioned, items=items))


def test_a_batch_is_judged_against_one_caption_of_each_image(caption_recipe: Recipe) -> None:
    vectors = nn.functional.normalize(torch.randn(5, 16), dim=1)
    table = CaptionTable(vectors, torch.tensor([0, 2, 3]), torch.tensor([2, 1, 2]))
    objective = CaptionObjective(caption_recipe, World(), table, dim=16)
    points = nn.functional.normalize(torch.randn(3, 16), dim=1)
    loss = PAIR_LOSSES["info_nce"]()
    possible = [float(loss(points @ vectors[[a, 2, c]].T)) for a in (0, 1) for c in (3, 4)]
    found = {float(objective(points, torch.tensor([[0], [1], [2]]))) for _ in range(40)}
    assert sorted(found) == pytest.approx(sorted(possible))


def test_images_learn_to_find_their_captions(
    caption_recipe: Recipe,
    captioned: ImageDataset,
    network: Callable[..., Embedder],
    tmp_path: Path,
) -> None:
    result = train(caption_recipe, captioned, network(dim=16), tmp_path / "run", encoder=Words())
    assert set(result.metrics) >= {"rsum", "i2t_recall_at_1", "t2i_recall_at_1"}


def test_another_dimension_than_the_encoders_says_what_to_set(caption_recipe: Recipe) -> None:
    table = CaptionTable(torch.eye(4), torch.arange(4), torch.ones(4, dtype=torch.int64))
    with pytest.raises(UsageError) as caught:
        CaptionObjective(caption_recipe, World(), table, dim=16)
    assert caught.value.hint == "--set network.dim=4"


def test_a_caption_recipe_without_an_encoder_is_refused(
    caption_recipe: Recipe,
    captioned: ImageDataset,
    network: Callable[..., Embedder],
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match="text encoder"):
        train(caption_recipe, captioned, network(dim=16), tmp_path / "run")


@pytest.mark.parametrize("loss", sorted(PAIR_LOSSES))
def test_equal_captions_are_no_mismatches_of_each_other(loss: str, caption_recipe: Recipe) -> None:
    asked = replace(caption_recipe, loss=LossTerm(loss))
    vectors = nn.functional.normalize(torch.randn(4, 8), dim=1)
    vectors[1] = vectors[0]
    ones, starts = torch.ones(4, dtype=torch.int64), torch.arange(4)
    values = {}
    for name, texts in (("equal", ("a", "A ", "c", "d")), ("different", ("a", "b", "c", "d"))):
        table = CaptionTable(vectors, starts, ones, texts)
        objective = CaptionObjective(asked, World(), table, 8)
        points = vectors.clone().requires_grad_()
        value = objective(points, torch.arange(4)[:, None])
        value.backward()
        assert points.grad is not None
        assert bool(points.grad.isfinite().all())
        values[name] = float(value.detach())
    assert values["equal"] < values["different"]
