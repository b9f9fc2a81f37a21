"""Frames of a video, as images."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from PIL import Image

from zoo.data.item import printable
from zoo.errors import DataError, UsageError
from zoo.files import staged_folder

SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg"))
SLOWEST = 25.0  # frames a second, where a file does not say how many it has
KEPT_SIDE = 512  # pixels of the shorter side of a frame that is kept


def is_video(path: Path) -> bool:
    """Whether a file's name is one of a video."""
    return path.suffix.lower() in SUFFIXES


def frames(path: Path, every: float) -> Iterator[tuple[float, Image.Image]]:
    """Yield the second and the image of the frame at the start and then `every` so many seconds.

    Raises:
        UsageError: OpenCV is not installed.
        DataError: there is no such file, or no frame can be read.
    """
    try:
        import cv2
    except ImportError as error:
        hint = "pip install opencv-python-headless"
        raise UsageError(f"{printable(path)} is a video: its frames need OpenCV", hint) from error
    if not path.is_file():
        raise DataError(f"{printable(path)}: no such file")
    video = cv2.VideoCapture(str(path))
    rate = video.get(cv2.CAP_PROP_FPS) or SLOWEST
    number, due = 0, 0.0
    try:
        while video.grab():
            if number / rate >= due - 1e-9:
                whole, pixels = video.retrieve()
                if whole:
                    yield number / rate, Image.fromarray(pixels[..., ::-1].copy())
                due += every
            number += 1
    finally:
        video.release()
    if not number:
        raise DataError(f"{printable(path)}: not one frame can be read", "is it a video?")


def keep_frames(video: Path, folder: Path, count: int) -> None:
    """Write the frames of the first `count` seconds of a video as `0.jpg`, `1.jpg` … into `folder`.

    A shorter video's last frame stands for those that it lacks. The folder appears when all are
    written.

    Raises:
        UsageError: OpenCV is not installed, or the folder cannot be written.
        DataError: no frame can be read.
    """
    found = [image for _, image in islice(frames(video, 1.0), count)]
    found += [found[-1]] * (count - len(found))
    with staged_folder(folder) as staged:
        for number, image in enumerate(found):
            scale = min(1.0, KEPT_SIDE / min(image.size))
            size = round(image.width * scale), round(image.height * scale)
            image.resize(size).save(staged / f"{number}.jpg", quality=95)
