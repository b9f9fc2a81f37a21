"""iNaturalist 2018 as Smooth-AP split it for retrieval: species of training and test are disjoint.

`train2018.json`, `train_val2018/Aves/2761/….jpg` and `Inat_dataset_splits/` in one folder.
"""

from functools import partial
from pathlib import Path

from zoo.data.item import Item
from zoo.data.reader import Layout, Reading, read_json, read_lines
from zoo.errors import DataError

SOURCE = (
    "train_val2018.tar.gz and train2018.json come from github.com/visipedia/inat_comp; the folder "
    "Inat_dataset_splits from the README of github.com/Andrew-Brown1/Smooth_AP"
)
RANKS = ("genus", "family", "order", "class", "phylum", "kingdom")


def read_inaturalist(root: Path, *, full: bool = True) -> Reading:
    """Return both splits; the levels are the species and its ranks up to the kingdom.

    Without `full`, they are the species and the super-category, which the paths alone tell.
    """
    ranks = _ranks(root / "train2018.json") if full else {}
    items = []
    for split in ("train", "test"):
        path = root / "Inat_dataset_splits" / f"Inaturalist_{split}_set1.txt"
        for number, line in enumerate(read_lines(path, SOURCE), start=1):
            parts = Path(line.strip()).parts
            if len(parts) < 3 or (full and parts[-2] not in ranks):
                raise DataError(f"{path} line {number}: {line!r} names no known species", SOURCE)
            upper = ranks[parts[-2]] if full else (parts[-3],)
            items.append(Item(root / line.strip(), (parts[-2], *upper), split))
    return items, ("species", *(RANKS if full else ("supercategory",)))


def _ranks(path: Path) -> dict[str, tuple[str, ...]]:
    content = read_json(path, SOURCE)
    try:
        categories = content["categories"]
        return {str(c["id"]): tuple(str(c[rank]) for rank in RANKS) for c in categories}
    except (KeyError, TypeError) as error:
        message = f"{path}: a category lacks {error}: is this the file with full taxonomy?"
        raise DataError(message, SOURCE) from error


_MARKERS = ("Inat_dataset_splits", "train2018.json")
INAT_FULL = Layout(read_inaturalist, _MARKERS, SOURCE)
INAT_BASE = Layout(partial(read_inaturalist, full=False), _MARKERS, SOURCE)
