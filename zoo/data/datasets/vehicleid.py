"""PKU VehicleID: cars seen by street cameras; three test lists of 800, 1,600 and 2,400 vehicles.

`VehicleID_V1.0/{image/0000001.jpg,train_test_split/{train_list,test_list_800}.txt}`.
"""

from functools import partial
from pathlib import Path

from zoo.data.item import Item
from zoo.data.reader import Layout, Reading, read_table

SOURCE = "it comes with VehicleID_V1.0, given on request at pkuml.org/resources/pku-vehicleid.html"


def read_vehicleid(root: Path, *, vehicles: int = 800) -> Reading:
    """Return the training list and one of the test lists; the level is the vehicle."""
    items = []
    for split, name in (("train", "train_list"), ("test", f"test_list_{vehicles}")):
        path = root / "train_test_split" / f"{name}.txt"
        for _, (image, vehicle) in read_table(path, ("image", "vehicle"), SOURCE):
            items.append(Item(root / "image" / f"{image}.jpg", (vehicle,), split))
    return items, ("vehicle",)


_MARKERS = ("train_test_split/train_list.txt",)
VEHICLEID_SMALL = Layout(read_vehicleid, _MARKERS, SOURCE)
VEHICLEID_MEDIUM = Layout(partial(read_vehicleid, vehicles=1600), _MARKERS, SOURCE)
VEHICLEID_LARGE = Layout(partial(read_vehicleid, vehicles=2400), _MARKERS, SOURCE)
