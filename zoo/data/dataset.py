"""A labelled image set: the one shape in which training, evaluation and indexing receive data."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Int64
from torch import Tensor

from zoo.data.folders import read_folder
from zoo.data.item import SPLITS, Item, Skipped
from zoo.data.manifest import read_manifest
from zoo.data.readers import read_layout, recognise
from zoo.data.validation import checked
from zoo.errors import DataError
from zoo.files import is_there

__all__ = ["SPLITS", "ImageDataset", "Item", "Skipped", "hold_out", "read_dataset"]

OnBadImage = Literal["fail", "skip"]


@dataclass(frozen=True)
class ImageDataset:
    """Images with their labels at every level, finest first.

    `label_names[level][id]` names a label; it is worked out once for the whole set, so that every
    subset of a dataset speaks of the same ids. `manifest` is the file that lists the items, if any.
    """

    name: str
    root: Path
    items: tuple[Item, ...]
    levels: tuple[str, ...] = ()
    label_names: tuple[tuple[str, ...], ...] = ()
    skipped: tuple[Skipped, ...] = ()
    manifest: Path | None = None

    def __post_init__(self) -> None:
        if not self.label_names:
            names = tuple(
                tuple(sorted({item.labels[level] for item in self.items}))
                for level in range(len(self.levels))
            )
            object.__setattr__(self, "label_names", names)

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def label_ids(self) -> Int64[Tensor, "item level"]:
        """The label of every item at every level, as positions in `label_names`."""
        places = [{name: i for i, name in enumerate(names)} for names in self.label_names]
        ids = [[places[n][name] for n, name in enumerate(item.labels)] for item in self.items]
        return torch.tensor(ids, dtype=torch.int64).reshape(len(self), len(self.levels))

    @property
    def paths(self) -> list[Path]:
        """The image files, in order."""
        return [item.path for item in self.items]

    def name_of(self, item: Item) -> str:
        """An image's name wherever the data lies: its path from the root on, or its whole path."""
        inside = item.path.is_relative_to(self.root)
        return (item.path.relative_to(self.root) if inside else item.path).as_posix()

    @property
    def place(self) -> Path:
        """What a message about the data names: its manifest, or its folder."""
        return self.manifest or self.root

    @property
    def splits(self) -> set[str]:
        """The names of the splits that hold an image."""
        return {item.split for item in self.items if item.split}

    def subset(self, indices: Iterable[int]) -> "ImageDataset":
        """Return the items at these positions, with the same label ids."""
        return replace(self, items=tuple(self.items[i] for i in indices))

    def split(self, *names: str) -> "ImageDataset":
        """Return the items of these splits, with the same label ids.

        Raises:
            DataError: one of the splits holds no image; lists those that do.
        """
        if empty := [name for name in names if name not in self.splits]:
            there = ", ".join(sorted(self.splits)) or "none"
            hint = f"splits of this data: {there}"
            raise DataError(f"{self.place}: no image in split {' or '.join(empty)}", hint)
        return self.subset(i for i, item in enumerate(self.items) if item.split in names)

    def require_classes(self) -> None:
        """Check that there are classes to tell apart.

        Raises:
            DataError: fewer than two.
        """
        if not self.levels:
            raise DataError(f"{self.place}: the images carry no label", _LABEL_HINT)
        names = {item.labels[0] for item in self.items}
        if len(names) < 2:
            found = ", ".join(map(repr, names)) or "none"
            raise DataError(f"{self.place}: 2 classes are needed, found {found}", _LABEL_HINT)


_LABEL_HINT = "put images in one folder per class, or give a manifest with columns path,label"


def read_dataset(
    path: Path, *, on_bad_image: OnBadImage = "fail", require_labels: bool = True
) -> ImageDataset:
    """Read a folder of class folders, a `.csv` / `.jsonl` manifest, or a public set as distributed.

    The images of a folder or manifest are checked one by one; of public sets see `read_public`.

    Args:
        path: `photos/<class>/…`, `photos/<split>/<class>/…`, or a manifest with columns
            `path,label[,label_level_2,…][,split][,caption]`, paths relative to its own folder; a
            folder that holds `manifest.csv` or `manifest.jsonl` is read by it.
        on_bad_image: Stop at a file that is no whole image, or leave it out and list it in
            `skipped`.
        require_labels: When false, images without a label are welcome, in folders of any shape.

    Raises:
        DataError: naming the file, row, column and value at fault, before any image is decoded.
    """
    if not is_there(path):
        raise DataError(f"{path}: no such file or folder")
    public = recognise(path)
    if public:
        return read_public(public, path, on_bad_image=on_bad_image)
    name = path.resolve().name if path.is_dir() else path.stem
    path = manifest_in(path) or path
    left_out: list[Skipped] = []
    if path.is_dir():
        items, levels, left_out = read_folder(path, require_labels=require_labels)
    else:
        missing_ok = on_bad_image == "skip"
        items, levels = read_manifest(path, require_labels=require_labels, missing_ok=missing_ok)
    kept, skipped = checked(items, on_bad_image=on_bad_image)
    root, manifest = (path, None) if path.is_dir() else (path.parent, path)
    skipped = [*left_out, *skipped]
    return ImageDataset(name, root, tuple(kept), levels, skipped=tuple(skipped), manifest=manifest)


def manifest_in(folder: Path) -> Path | None:
    """Return the manifest by which a folder is read, where it holds one."""
    manifests = [folder / f"manifest{suffix}" for suffix in (".csv", ".jsonl")]
    return next((path for path in manifests if path.is_file()), None)


def read_public(name: str, path: Path, *, on_bad_image: OnBadImage = "fail") -> ImageDataset:
    """Read the set of `zoo.data.readers.DATASETS` called `name`, as it was distributed.

    Only the presence of every image is checked, and a damaged one is named when it is opened;
    with `on_bad_image="skip"` each is opened beforehand.

    Raises:
        DataError: naming the missing or malformed file, and where it comes from.
    """
    skip = on_bad_image == "skip"
    root, items, levels, skipped = read_layout(name, path, skip_missing=skip)
    if skip:
        items, damaged = checked(items, on_bad_image=on_bad_image)
        skipped += damaged
    return ImageDataset(name, root, tuple(items), levels, skipped=tuple(skipped))


def hold_out(dataset: ImageDataset, share: float = 0.2) -> ImageDataset:
    """Give every item a split, train or test, so that no class is in both.

    Without labels (images with captions) a share of the images themselves is held out.

    What to hold out is chosen by the hash of the classes' or images' names: the same on every
    machine, and hardly disturbed when classes come and go. At least one class stays on each side. A
    class of one image trains, since as a test nothing could be found for it, unless all are so.

    Raises:
        DataError: fewer than two classes.
    """
    if not dataset.levels:
        names = set(choose([dataset.name_of(item) for item in dataset.items], share))
        return _split(dataset, lambda item: dataset.name_of(item) in names)
    dataset.require_classes()
    sizes = Counter(item.labels[0] for item in dataset.items)
    held = set(choose([name for name in sizes if sizes[name] > 1] or list(sizes), share))
    return _split(dataset, lambda item: item.labels[0] in held)


def _split(dataset: ImageDataset, held_out: Callable[[Item], bool]) -> ImageDataset:
    items = (replace(i, split="test" if held_out(i) else "train") for i in dataset.items)
    return replace(dataset, items=tuple(items))


def choose(names: Sequence[str], share: float, seed: int = 0) -> list[str]:
    """Return a share of the names, picked by hash: at least one, and never all of several."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    return ordered[: min(max(1, round(share * len(names))), max(1, len(names) - 1))]
