"""VideoMem: 8,000 videos of seven seconds and the share of people who knew them again.

The set of MediaEval's memorability task of 2018 (Cohendet et al.): `sources/video3.webm` beside
`ground-truth/ground-truth_dev-set.csv`. The values of its test set were not released: a fifth of
the videos, chosen by the hash of their names, is measured on. A video is the mean of its frames.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from zoo.data.dataset import OnBadImage, choose
from zoo.data.item import Skipped, printable
from zoo.data.reader import need, read_csv, read_number
from zoo.data.scored import ScoredSet
from zoo.data.video import keep_frames
from zoo.errors import DataError
from zoo.progress import Track, silent

logger = logging.getLogger("rankzoo")

VALUES = ("short-term_memorability", "long-term_memorability")
SOURCE = "ask MediaEval for VideoMem, the data of Predicting Media Memorability 2018"
FRAMES = 7  # one a second
TESTED = 0.2
_TRUTH = ("ground-truth/ground-truth_dev-set.csv", "ground-truth_dev-set.csv")


@dataclass(frozen=True)
class FrameOptions:
    """What happens to an image or video that cannot be read; whether missing frames are `drawn`."""

    on_bad_image: OnBadImage = "fail"
    drawn: bool = True
    track: Track = silent


def is_videomem(path: Path) -> bool:
    """Whether a folder holds VideoMem's values."""
    return _truth(path) is not None


def read_videomem(
    path: Path, splits: Sequence[str], column: str = "", how: FrameOptions | None = None
) -> list[ScoredSet]:
    """Return the frames of the videos of `train` or `test`, each with the value of its video.

    Frames are written once, as `frames/video3/0.jpg` … beside the folder of the videos.

    Raises:
        DataError: a video or a value is missing, a video gives no frame, or values are all equal.
        UsageError: OpenCV is not installed, or `frames/` cannot be written.
    """
    column = column or VALUES[0]
    values = _values(path, column)
    tested = set(choose(list(values), TESTED))
    found = []
    for split in splits:
        if split not in ("train", "test"):
            raise DataError(f"{path}: no split {split}", "VideoMem is read as train and test")
        chosen = {n: v for n, v in values.items() if (n in tested) == (split == "test")}
        found.append(_frames_of(path, chosen, column, how or FrameOptions()))
        if len(set(chosen.values())) < 2:
            raise DataError(f"{path}: no two different values in split {split}", SOURCE)
    return found


def _truth(path: Path) -> Path | None:
    return next((path / name for name in _TRUTH if (path / name).is_file()), None)


def _values(path: Path, column: str) -> dict[str, float]:
    truth = _truth(path) or path / _TRUTH[0]
    found = {}
    for number, row in enumerate(read_csv(truth, ("video", column), SOURCE), start=2):
        name, where = row["video"], f"{truth} row {number}"
        if name in ("", "..") or Path(name).name != name:
            raise DataError(f"{where}: {name!r} is not the name of a video", SOURCE)
        if name in found:
            raise DataError(f"{where}: {name} stands there twice", SOURCE)
        found[name] = read_number(row[column], f"{where}, column {column}", SOURCE)
    return found


def _frames_of(
    path: Path, values: Mapping[str, float], column: str, how: FrameOptions
) -> ScoredSet:
    kept, skipped = [], []
    for name in how.track(values, "frames", len(values)):
        try:
            video, folder = need(path / "sources" / name, SOURCE), _folder(path, name)
            if how.drawn and not folder.is_dir():
                keep_frames(video, folder, FRAMES)
            kept.append(name)
        except DataError as error:
            if how.on_bad_image == "fail":
                raise
            logger.warning("left out %s", error)
            skipped.append(Skipped(printable(path / "sources" / name), str(error)))
    frames = tuple(_folder(path, name) / f"{n}.jpg" for name in kept for n in range(FRAMES))
    targets = torch.tensor([values[name] for name in kept]).repeat_interleave(FRAMES)[:, None]
    ignored = torch.zeros_like(targets, dtype=torch.bool)
    videos = torch.arange(len(kept)).repeat_interleave(FRAMES)
    return ScoredSet(frames, (column,), targets, ignored, tuple(skipped), videos)


def _folder(path: Path, name: str) -> Path:
    return path / "frames" / Path(name).stem
