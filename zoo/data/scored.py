"""Images with numbers to predict: which classes they hold, or the value of an attribute."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from zoo.data.boxes.boxed import BoxedSet, Policies, Policy
from zoo.data.boxes.layouts import find_parts, read_split
from zoo.data.dataset import ImageDataset, read_dataset
from zoo.data.datasets.voc import read_voc_labels
from zoo.data.item import Item, Skipped
from zoo.data.split import Shares, split_dataset
from zoo.errors import DataError
from zoo.files import Blame, parse_json

logger = logging.getLogger("rankzoo")
SHOWN = 5  # rows, classes or columns named in a message


@dataclass(frozen=True, eq=False)
class ScoredSet:
    """Images, the name of each output, and its target: 1 or 0 for a class, or a value.

    `ignored` marks targets that count as neither right nor wrong (VOC's difficult objects).
    `skipped` are images that were left out. `videos` counts the videos whose frames the images are.
    """

    paths: tuple[Path, ...]
    outputs: tuple[str, ...]
    targets: Float[Tensor, "image output"]
    ignored: Bool[Tensor, "image output"]
    skipped: tuple[Skipped, ...] = ()
    videos: Int64[Tensor, " image"] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def counted(self) -> str:
        """How many images, or videos where the images are frames, with the word for them."""
        if self.videos is None:
            return f"{len(self):,} images"
        return f"{int(self.videos.max()) + 1:,} videos"

    @property
    def classes_there(self) -> str:
        """How many classes an image has, in words: no other can be measured."""
        there = int(((self.targets > 0) & ~self.ignored).any(0).sum())
        absent = len(self.outputs) - there
        return f"{there} class{'es' * (there != 1)}" + (
            f" ({absent} more are on none of them)" if absent else ""
        )

    def of_videos(
        self, scores: Float[Tensor, "image output"]
    ) -> tuple[Float[Tensor, "item output"], Float[Tensor, "item target"]]:
        """Return (scores, targets) of the images, or of the videos: the mean of their frames."""
        if self.videos is None:
            return scores, self.targets
        count = int(self.videos.max()) + 1
        means = scores.new_zeros(count, scores.shape[1]).index_add_(0, self.videos, scores)
        means /= self.videos.bincount()[:, None]
        # Frames have their video's target: a mean could round it, and break ties.
        targets = self.targets.new_zeros(count, self.targets.shape[1])
        targets[self.videos] = self.targets
        return means, targets

    def with_outputs(self, outputs: Sequence[str]) -> "ScoredSet":
        """Return the set with these classes: one it does not have is on none of its images.

        Raises:
            DataError: it has none of them.
        """
        if tuple(outputs) == self.outputs:
            return self
        if not set(outputs) & set(self.outputs):
            message = f"classes {_some(self.outputs)}: none of those that are known"
            raise DataError(message, f"known: {_some(outputs)}")
        if dropped := [name for name in self.outputs if name not in outputs]:
            logger.warning("left out, since they are not learnt: classes %s", _some(dropped))
        places = [self.outputs.index(name) if name in self.outputs else -1 for name in outputs]
        targets, ignored = (
            torch.cat([values, torch.zeros_like(values[:, :1])], 1)[:, places]
            for values in (self.targets, self.ignored)
        )
        return ScoredSet(self.paths, tuple(outputs), targets, ignored, self.skipped)


def read_voc_scores(path: Path, split: str) -> ScoredSet:
    """Read which classes the images of a VOC split hold.

    Raises:
        DataError: a file is missing or malformed, or the split holds no image of a class.
    """
    found = read_voc_labels(path, split)
    empty = [
        name for name, any_ in zip(found.classes, found.present.any(0), strict=True) if not any_
    ]
    if empty:
        raise DataError(
            f"{path}: no image of {empty[0]} in split {split}",
            "a class without positives can neither be learned nor measured",
        )
    return ScoredSet(found.paths, found.classes, found.present.float(), found.difficult)


def read_labels(
    path: Path, splits: Sequence[str], column: str = "", on_bad_image: Policy = "fail"
) -> list[ScoredSet]:
    """Read which classes the images of each split hold, in whatever way the data says it.

    That is the class lists of a VOC folder; boxes in any layout, whose labels are then those of
    their image; a manifest's `column` (`labels` by default: `cat;dog`, in JSONL also a list), else
    its label; class folders. What names no split is divided, four fifths to `train`.

    Raises:
        DataError: nothing there says which classes an image holds, or a row lacks its labels.
    """
    if path.is_dir() and (lists := _voc_lists(path)):
        return [read_voc_scores(path, _listed(split, lists)) for split in splits]
    if find_parts(path):
        policies = Policies(on_bad_image=on_bad_image)
        return [_labels_of_boxes(read_split(path, split, policies)) for split in splits]
    dataset = read_dataset(path, require_labels=False, on_bad_image=on_bad_image)
    held = _names_of(dataset, column)
    classes = sorted({name for names in held.values() for name in names})
    if not classes:
        raise DataError(f"{path}: no image has a label", "write labels as cat;dog")

    def targets(items: Sequence[Item]) -> Tensor:
        return torch.tensor([[float(c in held[i.path]) for c in classes] for i in items])

    return _divided(dataset, splits, tuple(classes), targets)


def read_values(
    path: Path, splits: Sequence[str], column: str = "", on_bad_image: Policy = "fail"
) -> list[ScoredSet]:
    """Read a column of numbers of a manifest, for each split; without a name, its only one.

    What names no split is divided, four fifths to `train`.

    Raises:
        DataError: there is no such column, rows (it names them) hold no number, or all values of a
            split are equal.
    """
    dataset = read_dataset(path, require_labels=False, on_bad_image=on_bad_image)
    column = column or _only_numbers(path, dataset)
    numbers = {item.path: _number(item.extra.get(column, "")) for item in dataset.items}
    if bad := [item for item in dataset.items if numbers[item.path] is None]:
        if len(bad) == len(dataset):
            raise DataError(
                f"{path}: no numbers in a column {column!r}", _columns(_numeric(dataset))
            )
        rows = [f"row {item.row} ({item.extra.get(column, '')!r})" for item in bad]
        message = f"{path}, column {column}: {len(bad)} rows hold no number: {_some(rows)}"
        raise DataError(message, "fill them in, or take these rows out")

    def targets(items: Sequence[Item]) -> Tensor:
        return torch.tensor([[numbers[item.path] or 0.0] for item in items])

    found = _divided(dataset, splits, (column,), targets)
    for split, part in zip(splits, found, strict=True):
        if len(part) < 2 or part.targets.std() == 0:
            message = f"{path}, column {column}: split {split} has no two different values"
            raise DataError(message, "values that are all equal cannot be ranked")
    return found


def table_of(path: Path) -> Path:
    """Return where the values of a path are: a folder of scenes keeps them in a table."""
    table = path / "attributes.csv"
    return table if table.is_file() else path


def learnable(training: ScoredSet, test: ScoredSet) -> tuple[ScoredSet, ScoredSet]:
    """Return both with the classes that a training image has, in one order; say what is left out.

    Raises:
        DataError: no training image has a class, or the test images have none of these.
    """
    seen = zip(training.outputs, (training.targets > 0).any(0), strict=True)
    outputs = [name for name, any_ in seen if any_]
    if not outputs:
        raise DataError("no training image has a class", "there is nothing to learn")
    return training.with_outputs(outputs), test.with_outputs(outputs)


def _labels_of_boxes(part: BoxedSet) -> ScoredSet:
    """Return what the boxes of each image are boxes of; classes with ignored boxes alone do not
    count.
    """  # noqa: D205
    held, ignored = torch.zeros(2, part.count, len(part.labels), dtype=torch.bool)
    for row, image in enumerate(part.require_boxes().images):
        labels, left_out = torch.from_numpy(image.labels), torch.from_numpy(image.ignored)
        held[row, labels[~left_out]] = True
        ignored[row, labels[left_out]] = True
    paths = tuple(image.path for image in part.images)
    return ScoredSet(paths, part.labels, held.float(), ignored & ~held, part.skipped)


def _names_of(dataset: ImageDataset, column: str) -> dict[Path, list[str]]:
    """Return the classes of each image: of the column, else of the label."""
    wanted = column or "labels"
    if any(wanted in item.extra for item in dataset.items):
        if bad := [f"row {item.row}" for item in dataset.items if wanted not in item.extra]:
            message = f"{dataset.place}, column {wanted}: missing in {len(bad)} rows: {_some(bad)}"
            raise DataError(message, 'an image without any class has an empty one: "" or []')
        return {item.path: _split(item.extra[wanted], item) for item in dataset.items}
    if dataset.levels and wanted in ("labels", dataset.levels[0]):
        return {item.path: [item.labels[0]] for item in dataset.items}
    there = sorted({name for item in dataset.items for name in item.extra})
    message = f"{dataset.place}: no column {wanted}"
    raise DataError(message, f"{_columns(there)}; --column names the one that holds the classes")


def _split(text: str, item: Item) -> list[str]:
    """Return the classes that a cell names: `cat;dog`, or a list of JSON.

    >>> _split("cat; dog;", Item(Path("a.png"))), _split('["a;b"]', Item(Path("a.png")))
    (['cat', 'dog'], ['a;b'])
    """
    if not text.startswith("["):
        return [name.strip() for name in text.split(";") if name.strip()]
    names = parse_json(text, f"row {item.row}", Blame(DataError, "write cat;dog"))
    if not all(isinstance(name, str) and name.strip() for name in names):
        raise DataError(f"row {item.row}: {text} are not names", "write classes as text")
    return [name.strip() for name in names]


def _divided(
    dataset: ImageDataset,
    splits: Sequence[str],
    outputs: tuple[str, ...],
    targets: Callable[[Sequence[Item]], Tensor],
) -> list[ScoredSet]:
    whole = dataset if dataset.splits else split_dataset(dataset, Shares("item"))
    found = []
    for split in splits:
        other = {"test": "val", "val": "test"}.get(split, "")
        part = whole.split(other if split not in whole.splits and other in whole.splits else split)
        values = targets(part.items)
        nothing = torch.zeros_like(values, dtype=torch.bool)
        found.append(ScoredSet(tuple(part.paths), outputs, values, nothing, dataset.skipped))
    return found


def _voc_lists(path: Path) -> set[str]:
    """Return the splits for which a VOC folder has lists of each class's images."""
    places = (path, *path.glob("VOC[0-9]*"), *path.glob("VOCdevkit/VOC[0-9]*"))
    files = (file for place in places for file in place.glob("ImageSets/Main/*_*.txt"))
    return {file.stem.rpartition("_")[2] for file in files}


def _listed(split: str, lists: set[str]) -> str:
    """Return the list that stands for a split: all that is not tested on trains."""
    alike = {"train": ["trainval"] * ("test" in lists), "test": ["test", "val"], "val": ["val"]}
    return next((name for name in alike.get(split, []) if name in lists), split)


def _only_numbers(path: Path, dataset: ImageDataset) -> str:
    names = _numeric(dataset)
    if len(names) != 1:
        raise DataError(f"{path}: {len(names)} columns of numbers", f"--column; {_columns(names)}")
    return names[0]


def _numeric(dataset: ImageDataset) -> list[str]:
    names = sorted({name for item in dataset.items for name in item.extra})
    held = {n: [_number(i.extra.get(n, "")) is not None for i in dataset.items] for n in names}
    return [name for name, numbers in held.items() if sum(numbers) > len(numbers) / 2]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _columns(names: Sequence[str]) -> str:
    return f"columns there: {_some(names) or 'none'}"


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
