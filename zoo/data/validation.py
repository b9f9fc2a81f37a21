"""Checking every image of a set before any heavy work."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

from zoo.data.images import check_image
from zoo.data.item import Item, Skipped, printable
from zoo.errors import DataError
from zoo.files import write_json

logger = logging.getLogger("rankzoo")

_SLICE = 256  # handing images to threads one by one costs as much as checking them


def checked(
    items: Sequence[Item], *, on_bad_image: str, of_more: bool = False
) -> tuple[list[Item], list[Skipped]]:
    """Return the items whose image is whole, and those left out with the reason.

    With "skip" every image is decoded, since what cannot be opened later must be left out now; with
    "fail" headers and ends are looked at, and a damage in between stops the work when it is met.

    of_more: the items are a part of a set, of which none may be left.

    Raises:
        DataError: the first bad image when `on_bad_image` is "fail", or no good one in a whole set.
    """
    slices = [items[start : start + _SLICE] for start in range(0, len(items), _SLICE)]
    with ThreadPoolExecutor(8) as pool:  # the time goes to waiting for the disk, not to Python
        look = partial(_faults, decode=on_bad_image == "skip")
        faults = [fault for found in pool.map(look, slices) for fault in found]
    bad = [(item, fault) for item, fault in zip(items, faults, strict=True) if fault]
    if bad and on_bad_image == "fail":
        first = bad[0][1]
        more = f" (and {len(bad) - 1} more bad images)" if len(bad) > 1 else ""
        raise DataError(f"{first}{more}", first.hint)
    kept = [item for item, fault in zip(items, faults, strict=True) if not fault]
    if bad and not kept and not of_more:
        raise DataError(f"all {len(bad)} images are bad, the first: {bad[0][1]}", bad[0][1].hint)
    for _, fault in bad:
        logger.warning("left out %s", fault)
    return kept, [Skipped(printable(item.path), str(fault)) for item, fault in bad]


def write_skipped(path: Path, skipped: Sequence[Skipped]) -> None:
    """Write the list of images left out, with the reasons, when there are any."""
    if skipped:
        write_json(path, [asdict(image) for image in skipped])


def _faults(items: Sequence[Item], *, decode: bool) -> list[DataError | None]:
    return [_fault(item, decode=decode) for item in items]


def _fault(item: Item, *, decode: bool) -> DataError | None:
    if printable(item.path) != str(item.path):
        return DataError(f"{printable(item.path)}: the name is not UTF-8", "rename the file")
    try:
        check_image(item.path, decode=decode)
    except DataError as error:
        return error
    return None
