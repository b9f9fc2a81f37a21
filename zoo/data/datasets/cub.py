"""Caltech-UCSD Birds 200-2011: 11,788 photos of 200 species, the first 100 to train on.

`CUB_200_2011/{images.txt,images/001.Black_footed_Albatross/…}`. The set's own
`train_test_split.txt` is for classification; retrieval splits by class. Family and order are those
of `zoo.data.datasets.bird_tree`.
"""

from pathlib import Path

from zoo.data.datasets.bird_tree import family_and_order
from zoo.data.item import Item
from zoo.data.reader import Layout, Reading, read_table
from zoo.errors import DataError

SOURCE = "it comes with CUB_200_2011.tgz from vision.caltech.edu/datasets/cub_200_2011"
_TRAINING_CLASSES = 100


def read_cub(root: Path) -> Reading:
    """Return all items; the levels are species, family and order."""
    items = []
    path = root / "images.txt"
    for number, (_, image) in read_table(path, ("image_id", "path"), SOURCE):
        species = Path(image).parts[0]
        place = species.split(".")[0]
        if not place.isdigit():
            raise DataError(f"{path} line {number}: {image!r} starts with no class number", SOURCE)
        tree = family_and_order(int(place))
        if tree is None:
            raise DataError(f"{path} line {number}: {image!r} is no species of 1 to 200", SOURCE)
        split = "train" if int(place) <= _TRAINING_CLASSES else "test"
        items.append(Item(root / "images" / image, (species, *tree), split))
    return items, ("species", "family", "order")


CUB = Layout(read_cub, ("image_class_labels.txt",), SOURCE)
