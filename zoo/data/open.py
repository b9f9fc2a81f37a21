"""One door to image data: a public set in its own layout, a folder of classes, or a manifest."""

from pathlib import Path

from zoo.data.catalogue import Catalogue, OnBadImage, read_catalogue
from zoo.data.datasets.captions import KARPATHY
from zoo.data.datasets.cars import CARS
from zoo.data.datasets.cub import CUB
from zoo.data.datasets.hub_folder import HUB_FOLDER
from zoo.data.datasets.inaturalist import INAT_BASE, INAT_FULL
from zoo.data.datasets.inshop import INSHOP
from zoo.data.datasets.landmarks import GLDV2, GLDV2_HIERARCHICAL
from zoo.data.datasets.sop import SOP
from zoo.data.datasets.vehicleid import VEHICLEID_LARGE, VEHICLEID_MEDIUM, VEHICLEID_SMALL
from zoo.data.emoji import build_emoji
from zoo.data.item import Skipped, printable
from zoo.data.layout import Layout, absent
from zoo.errors import DataError, UsageError

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
    "captions": KARPATHY,
    "hub_folder": HUB_FOLDER,
}


def open_dataset(
    name: str | None,
    path: Path,
    *,
    on_bad_image: OnBadImage = "fail",
    require_labels: bool = True,
) -> Catalogue:
    """Return the catalogue at `path`: of the set called `name`, or of the layout it seems to have.

    Without a name, public layouts are tried first, then `read_catalogue`. Of public sets only the
    presence of every image is checked here; a damaged one is named when it is opened. The set
    called `emoji` is drawn into `path` when it is not there yet.

    Raises:
        UsageError: `name` is not in `DATASETS`.
        DataError: naming the missing or malformed file, and where it comes from.
    """
    if name == "emoji":
        return build_emoji(path)
    if name is not None and name not in DATASETS:
        known = ", ".join(("emoji", *DATASETS))
        raise UsageError(f"no dataset is called {name!r}", f"datasets: {known}")
    if not path.exists():
        source = DATASETS[name].source if name else ""
        raise DataError(f"{path}: no such file or folder", source)
    name = name or recognise(path)
    if name is None:
        _refuse_voc(path)
        return read_catalogue(path, on_bad_image=on_bad_image, require_labels=require_labels)
    return _read(name, path, on_bad_image)


def recognise(path: Path) -> str | None:
    """Return the name of the public set whose layout `path` has, if any."""
    if not path.is_dir():
        return None
    return next((name for name, layout in DATASETS.items() if layout.root(path)), None)


def _refuse_voc(path: Path) -> None:
    for sets in (path / "ImageSets", *path.glob("*/ImageSets")):
        if sets.is_dir():
            hint = "it trains classification and detection, with a recipe whose name starts in voc"
            raise DataError(f"{sets}: PASCAL VOC gives an image several labels", hint)


def _read(name: str, path: Path, on_bad_image: OnBadImage) -> Catalogue:
    layout = DATASETS[name]
    root = layout.root(path) if path.is_dir() else None
    if root is None:
        raise DataError(f"{path / layout.markers[0]}: missing", layout.source)
    items, levels = layout.read(root)
    outside = next(
        (i.path for i in items if ".." in i.path.parts or root not in i.path.parents), None
    )
    if outside:
        raise DataError(
            f"{printable(outside)}: a list names an image outside {root}", layout.source
        )
    missing = absent([item.path for item in items])
    if missing and on_bad_image == "fail":
        more = f" (and {len(missing) - 1} more images)" if len(missing) > 1 else ""
        raise DataError(f"{missing[0]}: missing{more}", layout.source)
    gone = set(missing)
    kept = tuple(item for item in items if item.path not in gone)
    if not kept:
        raise DataError(f"{root}: not one of its {len(items)} images is there", layout.source)
    skipped = tuple(Skipped(printable(image), "missing") for image in missing)
    return Catalogue(name, root, kept, levels, skipped=skipped)
