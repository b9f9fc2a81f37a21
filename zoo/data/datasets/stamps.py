"""Tux Paint's stamps: about 930 photos and drawings in a tree of folders, named in 77 languages.

Debian's `tuxpaint-stamps-default` (GPL-2) puts them in /usr/share/tuxpaint/stamps, where they are
read; nothing of them comes with rankzoo. A class is a folder, at most three deep; folders that only
tell the style (`cartoon`, `toys`, `plastic`) belong to the one above. Half of the classes are held
out, and there every image searches all others.
"""

import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from zoo.data.dataset import ImageDataset, Item, Skipped
from zoo.data.drawn import Drawing, Drawn, held_out_classes, installed
from zoo.data.images import to_rgb
from zoo.data.synthetic.glyphs import rasterise
from zoo.errors import DataError

SOURCE = Path("/usr/share/tuxpaint/stamps")
PACKAGE = "tuxpaint-stamps-default"
STYLES = frozenset(("cartoon", "toys", "plastic"))
DEEPEST = 3


def build_stamps(
    folder: Path, *, source: Path = SOURCE, seed: int = 0, size: int = 96
) -> ImageDataset:
    """Draw the stamps on white squares into `folder`, or take them from there.

    The labels are the class (`animals/mammals/bears`), the folder of two levels and the first. The
    caption is the English one, the other languages are columns `caption_<language>`. `seed`
    chooses the classes that are held out; `size` is the side of the images in pixels.

    Raises:
        DataError: the package is not installed, or a file of it is damaged.
        UsageError: `folder` holds something else.
    """
    installed(source / "animals", "Tux Paint's stamps are not installed", PACKAGE)
    drawings = sorted(p for p in source.rglob("*") if p.suffix in (".png", ".svg"))
    content = "\n".join(f"{p.relative_to(source)} {p.stat().st_size}" for p in drawings)
    known = hashlib.sha256(content.encode()).hexdigest()
    drawn = Drawn("stamps", {"seed": seed, "size": size, "source": known}, DEEPEST)
    return drawn.into(folder, lambda out: _draw(out, source, drawings, seed, size))


def labels_of(place: Path) -> tuple[str, str, str]:
    """Return the class of a folder and the two above it.

    >>> labels_of(Path("animals/mammals/bears/cartoon"))
    ('animals/mammals/bears', 'animals/mammals', 'animals')
    """
    first, *rest = place.parts
    kept = [first, *(part for part in rest if part not in STYLES)][:DEEPEST]
    return "/".join(kept), "/".join(kept[:2]), first


def read_words(path: Path) -> tuple[str, dict[str, str]]:
    """Return the English line of a stamp's text file, and the other languages by their codes.

    Raises:
        DataError: naming the line that is not `<language>.utf8=<text>`.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8") from error
    others = {}
    for number, line in enumerate(lines[1:], start=2):
        language, mark, text = line.partition(".utf8=")
        if line.strip() and not mark:
            raise DataError(f"{path} line {number}: {line!r} is not `<language>.utf8=<text>`")
        if text.strip():
            others[language] = text.strip()
    return (lines[0].strip() if lines else ""), others


def _draw(out: Path, source: Path, drawings: list[Path], seed: int, size: int) -> Drawing:
    left_out: list[Skipped] = []
    drawn = dict(_drawn(source, drawings, size, left_out))
    sizes = Counter(labels_of(place.parent)[0] for place in drawn)
    held_out = held_out_classes([name for name, images in sizes.items() if images > 1], seed=seed)
    items = []
    for place, image in drawn.items():
        labels = labels_of(place.parent)
        if sizes[labels[0]] == 1:
            left_out.append(Skipped(str(place), "alone in its class"))
            continue
        english, others = read_words((source / place).with_suffix(".txt"))
        path = out / place.with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
        split = "test" if labels[0] in held_out else "train"
        named = {f"caption_{language}": text for language, text in sorted(others.items())}
        items.append(Item(path, labels, split, (english,), named))
    return items, left_out


def _drawn(
    source: Path, drawings: list[Path], size: int, left_out: list[Skipped]
) -> Iterator[tuple[Path, Image.Image]]:
    for path in drawings:
        place = path.relative_to(source)
        try:
            reason = _reason(path)
            if reason is None:
                yield place, on_square(path, size)
        except DataError as error:  # one drawing of the package gives no size
            reason = str(error).removeprefix(f"{path}: ")
        if reason is not None:
            left_out.append(Skipped(str(place), reason))


def _reason(path: Path) -> str | None:
    if path.stem.endswith("_mirror"):
        return "the mirror image of another"
    if path.suffix == ".svg" and path.with_suffix(".png").exists():
        return "the PNG of the same name is read"
    if not path.with_suffix(".txt").exists():
        return "no caption beside it"
    if path.suffix == ".svg" and "<text" in path.read_text("utf-8", errors="replace"):
        return "holds text, whose look depends on the fonts of a machine"
    return None


def on_square(path: Path, size: int) -> Image.Image:
    """Return a PNG or SVG fitted into a white square of `size` pixels, its shape kept.

    Raises:
        DataError: it cannot be read.
    """
    try:
        content = rasterise(path, size) if path.suffix == ".svg" else path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            drawing = to_rgb(image)
    except Exception as error:  # the rasteriser and Pillow fail with many kinds
        raise DataError(f"{path}: cannot be drawn: {error}", f"reinstall {PACKAGE}") from error
    drawing.thumbnail((size, size), Image.Resampling.LANCZOS)
    page = Image.new("RGB", (size, size), "white")
    page.paste(drawing, ((size - drawing.width) // 2, (size - drawing.height) // 2))
    return page
