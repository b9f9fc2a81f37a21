"""Choosing settings without the test data: a part of the training classes is set aside."""

from dataclasses import replace

from zoo.data.catalogue import Catalogue, Item, choose, hold_out


def validation_split(catalogue: Catalogue, share: float, captions: bool = False) -> Catalogue:
    """Return the training split alone, cut into train and val, no class in both.

    What is set aside is split val, or query and gallery where the test's come from different
    folders. With captions, a picture set aside is the only one of its caption.

    Raises:
        DataError: there is no training split, or fewer than two classes in it.
    """
    training = catalogue.split("train")
    bare = replace(training, items=tuple(replace(item, split="") for item in training.items))
    divided = hold_out(bare, share) if bare.levels else _by_picture(bare, share)
    names = {"train": "train", "test": "val"}
    items = [replace(item, split=names[item.split]) for item in divided.items]
    arranged = _one_of_each_caption(items) if captions else _as_tested(items, catalogue)
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


def _as_tested(items: list[Item], catalogue: Catalogue) -> list[Item]:
    """Let validation ask as the test does: one folder's pictures for another's, where that holds.

    Otherwise each picture set aside searches all the others.
    """
    asking, asked = (
        {item.path.parent for item in catalogue.items if item.split == split}
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


def _by_picture(catalogue: Catalogue, share: float) -> Catalogue:
    """Set single pictures aside, by the hash of their names: there are no labels."""
    names = [str(item.path.relative_to(catalogue.root)) for item in catalogue.items]
    held = set(choose(names, share))
    pairs = zip(names, catalogue.items, strict=True)
    items = (replace(item, split="test" if name in held else "train") for name, item in pairs)
    return replace(catalogue, items=tuple(items))
