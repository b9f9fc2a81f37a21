"""The commands a person types next with a card's model, by what it is for."""

from zoo.cards.shelf import Card

EMBEDDER = (
    "rankzoo eval {model} --data photos/",
    "rankzoo index build --model {model} --images photos/ --out idx/",
    "rankzoo train --model {model} --data photos/ --out runs/mine",
)
USES = {
    "image-feature-extraction": EMBEDDER,
    "object-detection": (
        "rankzoo detect {model} image.jpg",
        "rankzoo eval {model} --data {data}/",
        "rankzoo export {model} --out exported/",
    ),
    "image-classification": (
        "rankzoo eval {model} --data {data}/",
        "rankzoo card new {model}",
        "rankzoo push {model} me/scorer",
    ),
    "sentence-similarity": (
        "rankzoo eval runs/mine --data captions/ --text-model {model}",
        "rankzoo train emoji-captions --data emoji/ --out runs/captions",
        "python -c \"import zoo; print(zoo.load('{model}').embed_texts(['a cat']).shape)\"",
    ),
}
SORTER = (
    "rankzoo train emoji-captions --set loss=sodeep_recall --set loss.sorter={architecture}"
    " --data emoji/",
    "rankzoo bench sorters",
    "python -c \"import torch, zoo; print(zoo.load('{model}')(torch.randn(1, 100)))\"",
)


def usage(card: Card) -> list[str]:
    """Return three commands: train and use what a recipe makes, or use the weights there are."""
    data = card.datasets[0] if card.datasets else card.name.split("-")[0]
    if card.source is None:
        run = f"runs/{card.name}"
        train = f"rankzoo train {card.name} --data {data}/ --out {run}"
        after = USES.get(card.task, EMBEDDER)[:2]
        return [train, *(line.format(model=run, data=data) for line in after)]
    lines = SORTER if "sorter" in card.tags else USES.get(card.task, EMBEDDER)
    architecture = card.name.partition("-")[2]
    return [line.format(model=card.name, data=data, architecture=architecture) for line in lines]
