"""Choosing settings without the test data: a part of the training classes is set aside."""

from dataclasses import replace

from zoo.data.dataset import ImageDataset, Item, hold_out


def validation_split(dataset: ImageDataset, share: float, captions: bool = False) -> ImageDataset:
    """Return the training split alone, cut into train and val, no class in both.

    What is set aside is split val, or query and gallery where the test's come from different
    folders. With captions, an image set aside is the only one of its caption.

    Raises:
        DataError: there is no training split, or fewer than two classes in it.
    """
    training = dataset.split("train")
    bare = replace(training, items=tuple(replace(item, split="") for item in training.items))
    divided = hold_out(bare, share)
    names = {"train": "train", "test": "val"}
    items = [replace(item, split=names[item.split]) for item in divided.items]
    arranged = _one_of_each_caption(items) if captions else _as_tested(items, dataset)
    return replace(divided, items=tuple(arranged))


def _one_of_each_caption(items: list[Item]) -> list[Item]:
    seen: set[tuple[str, ...]] = set()
    kept = []
    for item in items:
        if item.split == "val" and item.captions in seen:
            continue
        seen |= {item.captions} if item.split == "val" else set()
        kept.append(item)
    return kept


def _as_tested(items: list[Item], dataset: ImageDataset) -> list[Item]:
    """Let validation ask as the test does: one folder's images for another's, where that holds.

    Otherwise each image set aside searches all the others.
    """
    asking, asked = (
        {item.path.parent for item in dataset.items if item.split == split}
        for split in ("query", "gallery")
    )
    here = {item.path.parent for item in items if item.split == "val"}
    if asking & asked or not (here & asking and here & asked):
        return items
    return [
        replace(item, split="query" if item.path.parent in asking else "gallery")
        if item.split == "val"
        else item
        for item in items
    ]
