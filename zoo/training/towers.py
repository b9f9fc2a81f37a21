"""Training both towers: each image against a caption of its own, gradients into images and texts.

A chunk's images and captions are embedded side by side, (chunk, 2 dim), so that two passes, several
processes and resume are those of any other run.
"""

from itertools import accumulate
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from zoo.data.dataset import ImageDataset
from zoo.data.samplers import mixed_seed
from zoo.errors import DataError
from zoo.evaluation.captions import meanings
from zoo.losses.pairs import PAIR_LOSSES, apart
from zoo.models.kinds import AnyEmbedder
from zoo.models.word_encoder import WordEncoder
from zoo.recipes.changes import check_losses
from zoo.recipes.recipe import Recipe
from zoo.runs.record import Row
from zoo.training.distributed import World
from zoo.training.loader import Loader, StepBatch
from zoo.training.trainer import Trainer


class Captioned:
    """The captions of a training set, of which every step chooses one an image.

    Raises:
        DataError: an image has no caption.
    """

    def __init__(self, dataset: ImageDataset) -> None:
        for item in dataset.items:
            if not item.captions:
                raise DataError(f"{item.path}: the image has no caption", "add a column `caption`")
        self.texts = [text for item in dataset.items for text in item.captions]
        counts = [len(item.captions) for item in dataset.items]
        self.counts, self.starts = torch.tensor(counts), torch.tensor([0, *accumulate(counts)][:-1])
        self.kinds = meanings(self.texts)

    def chosen(
        self, items: Int64[Tensor, " batch"], seed: int, step: int
    ) -> Int64[Tensor, " batch"]:
        """Return one caption's place for each item of a global batch: alike in every process."""
        generator = torch.Generator().manual_seed(mixed_seed(seed, step, 2))
        turn = torch.rand(len(items), dtype=torch.float64, generator=generator)
        return self.starts[items] + (turn * self.counts[items]).long()


class TowersObjective(nn.Module):
    """A pair loss between the global batch's images and captions, laid side by side.

    A caption that says the same as another item's is not a rival of it.
    """

    def __init__(self, recipe: Recipe, world: World, captions: Captioned) -> None:
        super().__init__()
        check_losses(recipe)
        self.losses = nn.ModuleList([PAIR_LOSSES[recipe.loss.name](**recipe.loss.options)])
        self.world, self.captions = world, captions
        self.places = torch.empty(0, dtype=torch.int64)  # of the step's captions

    def forward(
        self,
        share: Float[Tensor, "share two_dim"],
        _labels: Int64[Tensor, "batch level"],
        _items: Int64[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """Return the loss of this process's share of the batch."""
        images, texts = self.world.gather(share).float().chunk(2, dim=1)
        kinds = self.captions.kinds[self.places].to(share.device)
        with torch.autocast(share.device.type, enabled=False):
            value: Tensor = self.losses[0](apart(images @ texts.T, kinds))
        return value


class TowersTrainer(Trainer):
    """A trainer whose model embeds texts too (`zoo.models.clip`, `zoo.models.two_towers`).

    Raises:
        DataError: the model reads vectors of words, and not one of the captions' words has any.
    """

    objective: TowersObjective

    def __init__(
        self, model: AnyEmbedder, loader: Loader, objective: nn.Module, device: torch.device
    ) -> None:
        super().__init__(model, loader, objective, device)
        text, texts = getattr(model, "text", None), self.objective.captions.texts
        if isinstance(text, WordEncoder) and not text.name_unknown(texts):
            hint = "captions.vectors is of another language, or of something else than words"
            raise DataError("no word of the captions has a vector", hint)

    def update(self, step: int, batch: StepBatch) -> Row | None:
        """Choose the step's captions, then make the update."""
        captions, seed = self.objective.captions, self.loader.seed
        self.objective.places = captions.chosen(batch.items.cpu(), seed, step)
        return super().update(step, batch)

    def points(
        self, images: Float[Tensor, "chunk 3 height width"], start: int
    ) -> Float[Tensor, "chunk two_dim"]:
        """Embed a chunk's images, and beside each the caption chosen for it."""
        places = self.objective.places[start : start + len(images)].tolist()
        model: Any = self.model
        texts = [self.objective.captions.texts[place] for place in places]
        ids, mask = (tokens.to(self.device) for tokens in model.tokenize(texts))
        return torch.cat([super().points(images, start), model.forward_texts(ids, mask)], dim=1)
