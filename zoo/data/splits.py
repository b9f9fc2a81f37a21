"""The words that data in the wild uses for splits, and which folders are splits."""

import logging
from collections.abc import Sequence
from pathlib import Path

from zoo.data.item import SPLITS, printable
from zoo.errors import DataError

logger = logging.getLogger("rankzoo")

# Kaggle, Roboflow, fastai, torchvision and the Hub each have their own.
SYNONYMS = {
    **{name: name for name in SPLITS},
    **dict.fromkeys(("training", "trn", "trainval"), "train"),
    **dict.fromkeys(("valid", "validation", "validate", "dev", "eval", "evaluation"), "val"),
    **dict.fromkeys(("holdout", "hold_out", "hold-out", "heldout", "held_out", "held-out"), "val"),
    **dict.fromkeys(("testing", "tst"), "test"),
    **dict.fromkeys(("queries", "probe"), "query"),
}


def split_of(word: str) -> str:
    """Return the split that a word names in any spelling, or "".

    >>> split_of("Validation"), split_of("train_set"), split_of("oak")
    ('val', 'train', '')
    """
    word = word.strip().lower()
    return SYNONYMS.get(word) or SYNONYMS.get(word.removesuffix("set").rstrip("_-"), "")


def split_folders(root: Path, folders: Sequence[Path]) -> dict[Path, str] | None:
    """Return the split of each folder (those that hold images), or None when they are classes.

    They are splits when every folder is called like one. A single folder called `train` between
    others is a class: VOC has one of that name.

    Raises:
        DataError: two or more are called like splits and others are not, or two name one split.
    """
    named = {folder: split_of(folder.name) for folder in folders}
    splits = {folder: split for folder, split in named.items() if split}
    others = [folder for folder, split in named.items() if not split]
    if len(set(splits.values())) > 1 and others:
        beside = " and ".join(f"{folder.name}/" for folder in list(splits)[:2])
        raise DataError(
            f"{printable(root)}: {beside} are splits, but {printable(others[0])} lies beside them",
            "move it elsewhere, or give a manifest with columns path,label,split",
        )
    if splits and others:
        message = "%s: %s/ is called like a split and %s/ is not: both are read as classes"
        logger.warning(message, printable(root), next(iter(splits)).name, others[0].name)
    if not splits or others:
        return None
    for folder, split in splits.items():
        first = next(f for f, other in splits.items() if other == split)
        if first != folder:
            raise DataError(
                f"{printable(root)}: {first.name}/ and {folder.name}/ both mean the split {split}",
                "merge them, or give a manifest with columns path,label,split",
            )
    return splits
