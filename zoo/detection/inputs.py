"""What `detect` is given: images, videos, folders and patterns; and the names of what it draws."""

import glob
from collections import Counter
from collections.abc import Sequence
from os.path import commonpath
from pathlib import Path

from zoo.data.images import check_image
from zoo.data.item import Skipped, printable
from zoo.data.tree import images_below, report_left_out
from zoo.data.video import is_video
from zoo.errors import DataError


def images_of(arguments: Sequence[Path]) -> list[Path]:
    """Return the files meant: a file itself, all below a folder, a pattern's matches.

    These are images, and videos. One that is meant twice is looked at once.

    Raises:
        DataError: a folder or a pattern has no image.
    """
    left_out: list[Skipped] = []
    found: dict[Path, None] = {}
    for argument in arguments:
        images = _images(argument, left_out)
        if not images:
            raise DataError(f"{printable(argument)}: no image there", "name a file or a folder")
        found |= dict.fromkeys(images)
    report_left_out(left_out)
    return list(found)


def readable(images: Sequence[Path]) -> tuple[list[Path], list[Skipped]]:
    """Return the images that can be opened, and the others with the reason.

    Raises:
        DataError: none can.
    """
    kept, skipped = [], []
    for path in images:
        try:
            if not is_video(path):
                check_image(path, decode=True)
            kept.append(path)
        except DataError as error:
            skipped.append(Skipped(printable(path), str(error)))
    if not kept:
        raise DataError(f"all {len(images)} images are bad, the first: {skipped[0].reason}")
    return kept, skipped


def drawn_names(images: Sequence[Path]) -> list[str]:
    """Return a PNG's name for each image: its stem, or where two share one, its path from above.

    >>> drawn_names([Path("x/a.jpg"), Path("x/b.jpg"), Path("y/a.jpg")])
    ['x-a.jpg.png', 'b.png', 'y-a.jpg.png']
    """
    stems = Counter(path.stem for path in images)
    parents = {str(path.absolute().parent) for path in images}
    above = Path(commonpath(parents)) if parents else Path()
    return [
        f"{path.stem}.png"
        if stems[path.stem] == 1
        else "-".join(path.absolute().relative_to(above).parts) + ".png"
        for path in images
    ]


def _images(argument: Path, left_out: list[Skipped]) -> list[Path]:
    if argument.is_dir():
        other: list[Skipped] = []
        images = list(images_below(argument, other))
        paths = [Path(one.path) for one in other]
        videos = [path for path in paths if is_video(path) and path.name[0] != "."]
        left_out += [o for o, path in zip(other, paths, strict=True) if path not in videos]
        return [*images, *videos]
    if argument.exists() or not glob.has_magic(str(argument)):
        return [argument]
    matches = sorted(Path(name) for name in glob.glob(str(argument), recursive=True))  # noqa: PTH207
    return [image for match in matches for image in _images(match, left_out)]
