"""How many photos a second one core opens: whole, and in JPEG's draft mode."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from zoo.data.images import open_image
from zoo.data.synthetic.scene_drawing import background


@dataclass(frozen=True)
class Decode:
    """Photos a second, opened and resized to `side` pixels on the shorter side, best of repeats."""

    width: int
    height: int
    side: int
    whole_per_s: float
    draft_per_s: float
    ratio: float

    def to_json(self) -> dict[str, float | int]:
        """Return plain values."""
        return asdict(self)


def benchmark_decode(
    folder: Path, *, width: int = 1600, height: int = 1200, side: int = 256, repeats: int = 5
) -> Decode:
    """Write eight textured JPEGs into `folder` and open them both ways, in turn."""
    paths = write_photos(folder, 8, width, height)
    whole = draft = float("inf")
    for _ in range(repeats):
        whole = min(whole, _seconds(lambda path: open_image(path), paths, side))
        draft = min(draft, _seconds(lambda path: open_image(path, side), paths, side))
    rates = len(paths) / whole, len(paths) / draft
    return Decode(width, height, side, *rates, ratio=whole / draft)


def write_photos(folder: Path, count: int, width: int, height: int) -> list[Path]:
    """Write JPEGs of quality 90 with texture at every scale, as photos have."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        texture = background(np.random.default_rng(number), max(width, height))
        Image.fromarray(texture[:height, :width]).save(path, quality=90)
    return paths


def _seconds(open_one: Callable[[Path], Image.Image], paths: Sequence[Path], side: int) -> float:
    start = time.perf_counter()
    for path in paths:
        photo = open_one(path)
        scale = side / min(photo.size)
        photo.resize((round(photo.width * scale), round(photo.height * scale)))
    return time.perf_counter() - start
