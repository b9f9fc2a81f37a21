"""The words that data in the wild uses for splits, and which folders are splits."""

from collections.abc import Sequence
from pathlib import Path

from zoo.data.item import SPLITS, printable
from zoo.errors import DataError

# Kaggle, Roboflow, fastai, torchvision and the Hub each have their own.
SYNONYMS = {
    **{name: name for name in SPLITS},
    **dict.fromkeys(("training", "trn"), "train"),
    **dict.fromkeys(("valid", "validation", "validate", "dev", "eval", "evaluation"), "val"),
    **dict.fromkeys(("testing", "tst"), "test"),
    **dict.fromkeys(("queries", "probe"), "query"),
}


def split_of(word: str) -> str:
    """Return the split that a word names in any spelling ("Validation": "val"), or ""."""
    return SYNONYMS.get(word.strip().lower(), "")


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
