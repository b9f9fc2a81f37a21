"""One path for one file, however it was written."""

import os
from pathlib import Path

from zoo.files.writing import is_there


def straight(path: Path) -> Path:
    """Return a path without `..`, of the same file; links stay as they are.

    Only a link that a `..` steps out of is followed: its target decides what is above.

    >>> straight(Path("photos/../photos/a.png")).as_posix()
    'photos/a.png'
    """
    if ".." not in path.parts:
        return path
    plain = Path(os.path.normpath(path))
    if not is_there(path) or (is_there(plain) and plain.samefile(path)):
        return plain
    last = len(path.parts) - path.parts[::-1].index("..")
    return Path(*path.parts[:last]).resolve().joinpath(*path.parts[last:])
