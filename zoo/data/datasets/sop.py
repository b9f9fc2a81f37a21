"""Stanford Online Products: 120,053 photos of 22,634 products in 12 super-classes.

`Stanford_Online_Products/{Ebay_train.txt,Ebay_test.txt,bicycle_final/…}`.
"""

from pathlib import Path

from zoo.data.item import Item
from zoo.data.reader import Layout, Reading, read_table

SOURCE = "it comes with Stanford_Online_Products.zip from cvgl.stanford.edu/projects/lifted_struct"
_COLUMNS = ("image_id", "class_id", "super_class_id", "path")


def read_sop(root: Path) -> Reading:
    """Return the items of both splits; the levels are the product and its super-class."""
    items = []
    for split in ("train", "test"):
        table = read_table(root / f"Ebay_{split}.txt", _COLUMNS, SOURCE, skip=1)
        for _, (_, product, _, path) in table:
            super_class = Path(path).parts[0].removesuffix("_final")
            items.append(Item(root / path, (product, super_class), split))
    return items, ("product", "super_class")


SOP = Layout(read_sop, ("Ebay_train.txt", "Ebay_test.txt"), SOURCE)
