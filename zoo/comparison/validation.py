"""Choosing settings without the test data: a part of the training classes is set aside."""

from dataclasses import replace

from zoo.data.catalogue import Catalogue, choose, hold_out


def validation_split(catalogue: Catalogue, share: float, captions: bool = False) -> Catalogue:
    """Return the training split alone, cut into train and val, no class in both.

    With captions, a picture set aside is the only one of its caption, so that each has one answer.

    Raises:
        DataError: there is no training split, or fewer than two classes in it.
    """
    training = catalogue.split("train")
    bare = replace(training, items=tuple(replace(item, split="") for item in training.items))
    divided = hold_out(bare, share) if bare.levels else _by_picture(bare, share)
    names = {"train": "train", "test": "val"}
    items = [replace(item, split=names[item.split]) for item in divided.items]
    if captions:
        seen: set[tuple[str, ...]] = set()
        kept = []
        for item in items:
            if item.split == "val" and item.captions in seen:
                continue
            seen |= {item.captions} if item.split == "val" else set()
            kept.append(item)
        items = kept
    return replace(divided, items=tuple(items))


def _by_picture(catalogue: Catalogue, share: float) -> Catalogue:
    """Set single pictures aside, by the hash of their names: there are no labels."""
    names = [str(item.path.relative_to(catalogue.root)) for item in catalogue.items]
    held = set(choose(names, share))
    pairs = zip(names, catalogue.items, strict=True)
    items = (replace(item, split="test" if name in held else "train") for name, item in pairs)
    return replace(catalogue, items=tuple(items))
