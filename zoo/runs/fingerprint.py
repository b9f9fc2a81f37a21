"""What a checkpoint says of the run that wrote it, and whether another may go on from it."""

import logging
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from zoo.data.dataset import ImageDataset
from zoo.errors import UsageError

logger = logging.getLogger("rankzoo")


def fingerprint(dataset: ImageDataset, seed: int, world_size: int) -> dict[str, Any]:
    """Return what beside the recipe must be the same for a run to go on exactly."""
    digest = sha256()
    for item in dataset.items:
        digest.update(f"{item.path.name}\0{item.labels}\0{item.split}\n".encode())
    return {
        "items": len(dataset),
        "data": digest.hexdigest(),
        "seed": seed,
        "processes": world_size,
    }


def check_fingerprint(run: Path, before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> None:
    """Raise unless a checkpoint was written by the run that wants it.

    Checkpoints of an earlier version do not all say what wrote them (`before` is None).

    Raises:
        UsageError: naming what differs.
    """
    if before is None:
        logger.warning("%s was begun by an earlier version: data and seed are not compared", run)
        return
    for key, value in now.items():
        if before.get(key) != value:
            raise UsageError(
                f"{run} cannot go on exactly: {key} was {before.get(key)}, now {value}",
                "use the same data, seed and number of processes, or choose another --out",
            )
