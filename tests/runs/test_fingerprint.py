"""A run goes on with the data, the seed and the processes that it began with."""

from dataclasses import replace
from pathlib import Path

import pytest

from zoo.data.dataset import ImageDataset
from zoo.data.item import Item
from zoo.errors import UsageError
from zoo.runs.fingerprint import check_fingerprint, fingerprint

RUN = Path("runs/photos")
ITEMS = tuple(Item(Path(f"photos/{n}.png"), (f"class {n % 2}",), "train") for n in range(4))


def photos(*items: Item) -> ImageDataset:
    return ImageDataset("photos", Path("photos"), items, ("label",))


def test_the_same_files_in_another_folder_are_the_same_data() -> None:
    moved = photos(*(replace(item, path=Path("elsewhere") / item.path.name) for item in ITEMS))
    assert fingerprint(moved, 0, 1) == fingerprint(photos(*ITEMS), 0, 1)
    check_fingerprint(RUN, fingerprint(moved, 0, 1), fingerprint(photos(*ITEMS), 0, 1))


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (fingerprint(photos(*ITEMS[:3]), 0, 1), "items was 4, now 3"),
        (fingerprint(photos(*ITEMS[::-1]), 0, 1), "data was"),
        (fingerprint(photos(replace(ITEMS[0], split="val"), *ITEMS[1:]), 0, 1), "data was"),
        (fingerprint(photos(replace(ITEMS[0], labels=("x",)), *ITEMS[1:]), 0, 1), "data was"),
        (fingerprint(photos(replace(ITEMS[0], path=Path("x.png")), *ITEMS[1:]), 0, 1), "data was"),
        (fingerprint(photos(*ITEMS), 5, 1), "seed was 0, now 5"),
        (fingerprint(photos(*ITEMS), 0, 2), "processes was 1, now 2"),
    ],
)
def test_what_is_another_is_named(now: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=f"{RUN} cannot go on exactly: {told}") as caught:
        check_fingerprint(RUN, fingerprint(photos(*ITEMS), 0, 1), now)
    assert "another --out" in caught.value.hint


def test_a_run_that_kept_no_fingerprint_goes_on_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("WARNING", logger="rankzoo"):
        check_fingerprint(RUN, None, fingerprint(photos(*ITEMS), 0, 1))
    assert caplog.messages == [
        f"{RUN} was begun by an earlier version: data and seed are not compared"
    ]
