"""One door to image data: a public set by name, or whatever lies at a path."""

import logging
from collections.abc import Callable
from pathlib import Path

from zoo.data.dataset import ImageDataset, OnBadImage, read_dataset, read_public
from zoo.data.datasets.fashion_mnist import build_fashion_mnist
from zoo.data.datasets.glyphs import build_glyphs
from zoo.data.datasets.stamps import build_stamps
from zoo.data.drawn import record_of
from zoo.data.readers import DATASETS
from zoo.data.synthetic.emoji import build_emoji
from zoo.errors import DataError, UsageError
from zoo.files import is_there

LOG = logging.getLogger("rankzoo")

MANIFESTS = (".csv", ".jsonl")
# Sets that are drawn, from packages that are installed, into the folder that is named.
DRAWN: dict[str, Callable[[Path], ImageDataset]] = {
    "emoji": build_emoji,
    "stamps": build_stamps,
    "glyphs": build_glyphs,
    "fashion-mnist": build_fashion_mnist,
}


def open_dataset(
    name: str | None,
    path: Path,
    *,
    on_bad_image: OnBadImage = "fail",
    require_labels: bool = True,
) -> ImageDataset:
    """Return the dataset of the set called `name`, or of whatever lies at `path`.

    A set of `DRAWN` is drawn into `path` when nothing is there yet; other data there is read as it
    is.

    Raises:
        UsageError: `name` is neither in `DRAWN` nor in `DATASETS`, or a package is missing.
        DataError: naming the missing or malformed file, and where it comes from.
    """
    if name in DRAWN and _holds_other(path, name):
        LOG.info(f"{path} holds data of your own: it is read, and no {name} set is drawn")
        name = None
    if name is None:
        return read_dataset(path, on_bad_image=on_bad_image, require_labels=require_labels)
    if name in DRAWN:
        if path.suffix in MANIFESTS:
            hint = f"with a folder's name the {name} set is drawn there"
            raise DataError(f"{path}: no such file", hint)
        return DRAWN[name](path)
    if name not in DATASETS:
        known = ", ".join((*DRAWN, *DATASETS))
        raise UsageError(f"no dataset is called {name!r}", f"datasets: {known}")
    if not is_there(path):
        raise DataError(f"{path}: no such file or folder", DATASETS[name].source)
    return read_public(name, path, on_bad_image=on_bad_image)


def _holds_other(path: Path, drawn: str) -> bool:
    """Whether something lies at `path` that is not a set as `zoo.data.drawn` writes it."""
    if path.is_dir():
        return any(path.iterdir()) and not record_of(path, drawn).is_file()
    return is_there(path)
