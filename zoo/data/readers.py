"""The public sets that are read as they are distributed, and which of them a folder holds."""

import logging
from pathlib import Path

from zoo.data.datasets.captions import KARPATHY
from zoo.data.datasets.cars import CARS
from zoo.data.datasets.cub import CUB
from zoo.data.datasets.dyml import DYML_LISTS, DYML_PRODUCT
from zoo.data.datasets.hub_folder import HUB_FOLDER
from zoo.data.datasets.inaturalist import INAT_BASE, INAT_FULL
from zoo.data.datasets.inshop import INSHOP
from zoo.data.datasets.landmarks import GLDV2, GLDV2_HIERARCHICAL
from zoo.data.datasets.sfm120k import SFM120K
from zoo.data.datasets.sop import SOP
from zoo.data.datasets.vehicleid import VEHICLEID_LARGE, VEHICLEID_MEDIUM, VEHICLEID_SMALL
from zoo.data.datasets.webdataset import WEBDATASET
from zoo.data.item import Item, Skipped, printable
from zoo.data.reader import Layout, absent, roots
from zoo.errors import DataError

logger = logging.getLogger("rankzoo")

# Where two entries share a layout, an unnamed folder is read as the first.
DATASETS: dict[str, Layout] = {
    "sop": SOP,
    "cub": CUB,
    "cars": CARS,
    "inshop": INSHOP,
    "inat": INAT_FULL,
    "inat_base": INAT_BASE,
    "vehicleid": VEHICLEID_SMALL,
    "vehicleid_medium": VEHICLEID_MEDIUM,
    "vehicleid_large": VEHICLEID_LARGE,
    "gldv2": GLDV2,
    "gldv2_hier": GLDV2_HIERARCHICAL,
    "dyml_vehicle": DYML_LISTS,
    "dyml_animal": DYML_LISTS,
    "dyml_product": DYML_PRODUCT,
    "sfm120k": SFM120K,
    "captions": KARPATHY,
    "hub_folder": HUB_FOLDER,
    "webdataset": WEBDATASET,
}


def recognise(path: Path) -> str | None:
    """Return the name of the public set whose layout `path` has, if any.

    Raises:
        DataError: it is a VOC folder, whose images have several labels each.
    """
    folders = roots(path)
    for folder in folders:
        if (folder / "ImageSets").is_dir():
            sets = folder / "ImageSets"
            hint = "it trains classification and detection, with a recipe whose name starts in voc"
            raise DataError(f"{sets}: PASCAL VOC gives an image several labels", hint)
    return next((name for name, layout in DATASETS.items() if layout.root(folders)), None)


def read_layout(
    name: str, path: Path, *, skip_missing: bool = False
) -> tuple[Path, list[Item], tuple[str, ...], list[Skipped]]:
    """Return the root, items and level names of a public set, and the images it lacks.

    Only the presence of every image is checked; a damaged one is named when it is opened.

    Raises:
        DataError: naming the missing or malformed file, and where it comes from.
    """
    layout = DATASETS[name]
    root = layout.root(roots(path))
    if root is None:
        raise DataError(f"{path / layout.markers[0]}: missing", layout.source)
    items, levels = layout.read(root)
    _check_inside(root, items, layout.source)
    missing = absent([item.path for item in items])
    if missing and not skip_missing:
        more = f" (and {len(missing) - 1} more images)" if len(missing) > 1 else ""
        raise DataError(f"{missing[0]}: missing{more}", layout.source)
    gone = set(missing)
    kept = [item for item in items if item.path not in gone]
    if not kept:
        raise DataError(f"{root}: not one of its {len(items)} images is there", layout.source)
    for image in missing:
        logger.warning("left out %s: missing", printable(image))
    return root, kept, levels, [Skipped(printable(image), "missing") for image in missing]


def _check_inside(root: Path, items: list[Item], source: str) -> None:
    for item in items:
        inside = item.path.is_relative_to(root) and ".." not in item.path.relative_to(root).parts
        if not inside:
            message = f"{printable(item.path)}: a list names an image outside {root}"
            raise DataError(message, source)
