"""A value of each image, whatever says it: a public set, a manifest's column, drawn scenes."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from zoo.data.datasets import lamem, videomem
from zoo.data.datasets.videomem import FrameOptions, read_videomem
from zoo.data.reader import roots
from zoo.data.scored import ScoredSet, read_values, table_of

logger = logging.getLogger("rankzoo")


def read_attribute(
    path: Path, splits: Sequence[str], column: str = "", how: FrameOptions | None = None
) -> list[ScoredSet]:
    """Read a value of each image for each split.

    That is a value of VideoMem's videos, LaMem's memorability, or the `column` of a manifest or of
    a folder of scenes; without a column, the only one there is.

    Raises:
        DataError: nothing there says the value, or it is missing or no number somewhere.
        UsageError: frames of videos have to be drawn and cannot.
    """
    how = how or FrameOptions()
    videos = next(filter(videomem.is_videomem, roots(path)), None)
    images = _lamem_in(path)
    if images is not None and column in ("", lamem.COLUMN):
        return [lamem.read_lamem(images, split, how.on_bad_image) for split in splits]
    if videos is not None:
        return read_videomem(videos, splits, column, how)
    return read_values(table_of(path), splits, column, how.on_bad_image)


def with_lamem(training: ScoredSet, path: Path, how: FrameOptions) -> ScoredSet:
    """Return the frames of videos and all of LaMem's images, where it lies beside the videos.

    SoDeep trains memorability on both. Other images are returned as they are.
    """
    folder = _lamem_in(path)
    if training.videos is None or folder is None:
        return training
    parts = [
        lamem.read_lamem(folder, split, how.on_bad_image)
        for split in ("train", "val", "test")
        if (folder / "splits" / f"{split}_1.txt").is_file()
    ]
    count = sum(map(len, parts))
    logger.info(f"{len(training):,} frames of videos train, and {count:,} images of LaMem")
    parts = [training, *parts]
    return replace(
        training,
        paths=tuple(path for part in parts for path in part.paths),
        targets=torch.cat([part.targets for part in parts]),
        ignored=torch.cat([part.ignored for part in parts]),
        skipped=tuple(image for part in parts for image in part.skipped),
        videos=None,
    )


def _lamem_in(path: Path) -> Path | None:
    return next(filter(lamem.is_lamem, roots(path)), None)
