"""Revisited Oxford and Paris: the ground truth, read without trusting it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.plain_pickle import safe_unpickle
from zoo.errors import DataError

SOURCE = "it comes with the benchmark: cmp.felk.cvut.cz/revisitop"
SETS = {"roxford": "roxford5k", "rparis": "rparis6k"}


@dataclass(frozen=True)
class RevisitedSet:
    """Of a protocol, gallery and query images; each query's box and judged gallery places."""

    protocol: str
    gallery: tuple[Path, ...]
    queries: tuple[Path, ...]
    boxes: tuple[tuple[float, float, float, float], ...]
    easy: tuple[tuple[int, ...], ...]
    hard: tuple[tuple[int, ...], ...]
    junk: tuple[tuple[int, ...], ...]


def read_revisited(root: Path, protocol: str) -> RevisitedSet:
    """Read the `gnd_….pkl` of a protocol of `SETS`, and find the images in `jpg/` (or beside it).

    Raises:
        DataError: naming the missing file, or the malformed entry.
        IntegrityError: the pickle holds more than data.
    """
    name = SETS[protocol]
    path = next(
        (p for p in (root / f"gnd_{name}.pkl", root / name / f"gnd_{name}.pkl") if p.exists()), None
    )
    if path is None:
        raise DataError(f"{root / f'gnd_{name}.pkl'}: missing", SOURCE)
    with path.open("rb") as file:
        truth = safe_unpickle(file, str(path))
    folder = path.parent / "jpg"
    try:
        found = RevisitedSet(
            protocol=protocol,
            gallery=_images(folder, truth["imlist"]),
            queries=_images(folder, truth["qimlist"]),
            boxes=tuple(_box(g["bbx"]) for g in truth["gnd"]),
            **{k: tuple(_places(g[k]) for g in truth["gnd"]) for k in ("easy", "hard", "junk")},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: {error!r} in the ground truth", SOURCE) from error
    _check(found, path)
    return found


def _images(folder: Path, names: Iterable[Any]) -> tuple[Path, ...]:
    plain = [str(name) for name in names]
    if bad := next((n for n in plain if "/" in n or "\\" in n or n.startswith(".")), None):
        raise ValueError(f"image name {bad}")
    return tuple(folder / f"{name}.jpg" for name in plain)


def _box(values: Iterable[Any]) -> tuple[float, float, float, float]:
    left, upper, right, lower = (float(v) for v in values)
    if not (left < right and upper < lower):
        raise ValueError(f"box {left, upper, right, lower}")
    return left, upper, right, lower


def _places(values: Iterable[Any]) -> tuple[int, ...]:
    return tuple(int(v) for v in values)


def _check(found: RevisitedSet, path: Path) -> None:
    if len(found.queries) != len(found.boxes):
        raise DataError(
            f"{path}: {len(found.queries)} queries, {len(found.boxes)} judgements", SOURCE
        )
    size = len(found.gallery)
    for place in (p for part in (found.easy, found.hard, found.junk) for row in part for p in row):
        if not 0 <= place < size:
            raise DataError(f"{path}: judges image {place} of a gallery of {size}", SOURCE)
    if gone := next((p for p in (*found.gallery, *found.queries) if not p.exists()), None):
        raise DataError(f"{gone}: missing", SOURCE)
