"""In-shop Clothes Retrieval of DeepFashion: 52,712 photos; train, query and gallery are given.

`Eval/list_eval_partition.txt` beside `Img/img/WOMEN/Blouses_Shirts/id_00000001/…`, or the list and
`img/` in one folder.
"""

from pathlib import Path

from zoo.data.item import Item
from zoo.data.reader import Layout, Reading, read_lines, read_table
from zoo.errors import DataError

SOURCE = (
    "it comes with the In-shop Clothes Retrieval Benchmark from "
    "mmlab.ie.cuhk.edu.hk/projects/DeepFashion/InShopRetrieval.html"
)
_LIST = "list_eval_partition.txt"
_COLUMNS = ("image_name", "item_id", "evaluation_status")


def read_inshop(root: Path) -> Reading:
    """Return all items; the levels are the garment, its category and the department.

    A category belongs to a department: trousers for men are not those for women.
    """
    inner = root / "Eval" / _LIST
    path = inner if inner.exists() else root / _LIST
    images = root / "Img" if (root / "Img").is_dir() else root
    items = []
    for number, (image, garment, split) in read_table(path, _COLUMNS, SOURCE, skip=2):
        parts = Path(image).parts
        if split not in ("train", "query", "gallery") or len(parts) < 4:
            raise DataError(f"{path} line {number}: {image} {split} is out of place", SOURCE)
        items.append(Item(images / image, (garment, "/".join(parts[1:3]), parts[1]), split))
    promised = read_lines(path, SOURCE)[0].strip()
    if promised != str(len(items)):
        raise DataError(f"{path}: promises {promised} images and lists {len(items)}", SOURCE)
    return items, ("garment", "category", "department")


INSHOP = Layout(read_inshop, (_LIST, f"Eval/{_LIST}"), SOURCE)
