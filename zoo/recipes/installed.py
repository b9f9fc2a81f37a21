"""Sets that come as Debian packages (`zoo.data.datasets`), for two CPU cores.

rankzoo train stamps-sup_hap --data stamps/ --out runs/stamps

recipe                   hardware       published
stamps-sup_hap           2 CPU cores    -
stamps-captions          2 CPU cores    -
stamps-towers            2 CPU cores    -
glyphs-sup_hap           2 CPU cores    -
glyphs-sup_recall_at_k   2 CPU cores    -
fashion-mnist-sup_hap    2 CPU cores    -

They are short, for a busy machine: `--set schedule.steps=320` trains as long as on emoji.
"""

from dataclasses import dataclass, replace

from zoo.recipes import captions, emoji
from zoo.recipes.recipe import Augmentation, Batch, LossTerm, Recipe


@dataclass(frozen=True)
class _Set:
    """What a set changes in the recipes of emoji: words, image size, crops, batch, steps."""

    data: str
    task: str
    size: int
    augmentation: Augmentation
    batch: Batch
    steps: int

    def of(self, recipe: Recipe) -> Recipe:
        """Return an emoji recipe for this set."""
        return replace(
            recipe,
            name=recipe.name.replace("emoji", self.data),
            about=recipe.about if recipe.captions else f"{self.task}, H-AP on EfficientNet-Lite0",
            network=replace(recipe.network, size=self.size),
            data=replace(recipe.data, reader=self.data),
            augmentation=self.augmentation,
            batch=self.batch if recipe.captions is None else recipe.batch,
            schedule=replace(recipe.schedule, steps=self.steps),
        )


# Mirrored, a photo of an animal stays what it is.
_STAMPS = _Set(
    data="stamps",
    task="other photos and drawings of the same kind",
    size=48,
    augmentation=Augmentation(scale=(0.5, 1.0), flip=0.5, colour=0.2),
    batch=Batch(size=64, per_class=4),
    steps=60,
)
# A mirrored letter is another one, and a crop that cuts its marks off makes it another.
_GLYPHS = _Set(
    data="glyphs",
    task="the same letter in another font",
    size=32,
    augmentation=Augmentation(scale=(0.8, 1.0), flip=0.0),
    batch=Batch(size=64, per_class=4),
    steps=100,
)
_FASHION = _Set(
    data="fashion-mnist",
    task="other products of the same kind",
    size=32,
    augmentation=Augmentation(scale=(0.7, 1.0), flip=0.5),
    batch=Batch(size=80, per_class=16),
    steps=60,
)

_CAPTIONED = (
    replace(captions.EMOJI, about="find a stamp never seen in training by its caption"),
    replace(
        captions.EMOJI_TOWERS, about="find a stamp by its caption, the text encoder trained too"
    ),
)

# Loss, temperature, rate: what `rankzoo compare` chose (zoo/experiments/README.md).
_GLYPHS_CHOSEN = replace(
    emoji.SUP_HAP, name="emoji-sup_recall_at_k", loss=LossTerm("sup_recall_at_k", {"tau": 0.01})
)

RECIPES = (
    *(_STAMPS.of(recipe) for recipe in (emoji.SUP_HAP, *_CAPTIONED)),
    _GLYPHS.of(emoji.SUP_HAP),
    replace(
        replace(_GLYPHS, steps=200).of(_GLYPHS_CHOSEN),
        about="the same letter in another font, SupRecall@k on EfficientNet-Lite0",
    ),
    _FASHION.of(emoji.SUP_HAP),
)
