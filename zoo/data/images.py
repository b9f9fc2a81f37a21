"""Opening any image as upright 8-bit RGB, or saying in one line why it cannot be."""

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from zoo.data.item import printable
from zoo.data.png import File, refuse_chunk_flood, refuse_wrong_sums
from zoo.errors import DataError, UsageError

SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff"),
        *(".ppm", ".pgm", ".pnm"),
    )
)
# Pillow goes by content, whatever the name: EPS would start Ghostscript, and rare decoders are
# the ones that were attacked.
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM")
_TRANSPARENT = frozenset(("LA", "La", "PA", "RGBA", "RGBa"))
# Networks see the shorter side at 32 to 800 pixels: 20,000 x 1 would become 16 million wide.
THINNEST = 100
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow only warns between 89 and 179 million pixels: an image of that size takes half a
# gigabyte in every loading worker, so it is refused like the larger ones.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# Metadata is read for one number, the orientation; what else is wrong with it changes no pixel.
for _said in (
    "(Possibly c|C)orrupt EXIF data",
    "Metadata Warning",
    "Tag data larger than file",
    "Truncated File Read",
):
    warnings.filterwarnings("ignore", _said, UserWarning)


def open_image(path: Path, size: int | None = None) -> Image.Image:
    """Return an image as upright RGB.

    EXIF rotation is applied, transparency is laid on white, 16-bit grey is scaled to 8 bits, CMYK
    and palettes are converted. Metadata that cannot be read is taken as none.

    Args:
        path: The image file.
        size: When given, a JPEG may be decoded at a half, quarter or eighth of its size, as long as
            both sides stay at least this long: several times faster for large photos.

    Raises:
        DataError: naming the file, for anything that is not a whole image of reasonable size and
            shape in a regular file.
    """
    with _naming(path), _regular(path) as file, _header(file) as image:
        if size is not None:
            image.draft(None, (size, size))
        return to_rgb(image)


def decode_image(content: bytes, name: str, max_pixels: int) -> Image.Image:
    """Return an image that came over the network as upright RGB; see `open_image`.

    The number of pixels is read from the header: an image beyond `max_pixels` is never decoded.

    Raises:
        DataError: calling it `name`, for anything that is not a whole image of allowed size. Its
            cause is Pillow's UnidentifiedImageError or DecompressionBombError for the two plainest.
    """
    with _naming(Path(name), max_pixels), _header(io.BytesIO(content)) as image:
        if image.width * image.height > max_pixels:
            raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
        return to_rgb(image)


def ready_image(source: Image.Image | Path | str) -> Image.Image:
    """Return an image in memory, of any mode, or an image file as upright RGB; see `open_image`.

    Raises:
        DataError: it is no readable image, or one that is too thin.
        UsageError: it is neither an image of Pillow nor a path.
    """
    if isinstance(source, str | os.PathLike):
        return open_image(Path(source).expanduser())
    if not isinstance(source, Image.Image):
        hint = "give paths, or images of Pillow: Image.fromarray(array) makes one of an array"
        raise UsageError(f"not an image: {type(source).__name__}", hint)
    with _naming(Path(getattr(source, "filename", "") or "an image in memory")):
        _refuse_thin(source)
        return to_rgb(source)


def check_image(path: Path, *, decode: bool = False) -> tuple[int, int]:
    """Check that a file is a whole image; return its upright width and height.

    Without `decode` it is the header, the shape and the end marker that are looked at: pixels are
    decoded only when the marker is not where the format puts it, or of a PNG whose EXIF may stand
    behind them. With it, all that opening does is done, so that what passes can be opened.

    Raises:
        DataError: naming the file and what is wrong with it.
    """
    with _naming(path), _regular(path) as file, _header(file) as image:
        size = _upright_size(image)
        if decode:
            to_rgb(image)
        elif image.mode == "F":
            raise ValueError(_FLOATS)
        elif not _ends_well(file, image.format or ""):
            image.load()
    return size


def image_size(path: Path) -> tuple[int, int]:
    """Return an image's upright width and height: from its header, and a PNG's EXIF behind it.

    Raises:
        DataError: naming the file and what is wrong with it.
    """
    with _naming(path), _regular(path) as file, _header(file) as image:
        return _upright_size(image)


def to_rgb(image: Image.Image) -> Image.Image:
    """Return the image as upright 8-bit RGB, transparency laid on white.

    Raises:
        ValueError: for pixels without an agreed range or colour conversion.
    """
    image.load()  # first: what fails while metadata is looked for is taken for no metadata
    turn = _TURNS.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        page = Image.new("RGBA", image.size, "white")
        page.alpha_composite(image.convert("RGBA"))
        return page.convert("RGB")
    if image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode == "F":
        raise ValueError(_FLOATS)
    return image if image.mode == "RGB" else image.convert("RGB")


_FLOATS = "floating-point pixels have no agreed range, save it as 8 or 16 bit"


@contextmanager
def _regular(path: Path) -> Iterator[File]:
    # Opening a pipe waits for a writer that may never come, and a device has no end.
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError
    if not stat.S_ISREG(mode):
        raise ValueError("a pipe, device or socket, not a regular file")
    with path.open("rb") as file:
        yield file


@contextmanager
def _header(file: File) -> Iterator[Image.Image]:
    refuse_chunk_flood(file)
    refuse_wrong_sums(file)
    with Image.open(file, formats=_FORMATS) as image:
        _refuse_thin(image)
        yield image


def _refuse_thin(image: Image.Image) -> None:
    if max(image.size) > THINNEST * min(image.size):
        sides = f"{image.width} x {image.height} pixels"
        raise ValueError(f"too thin: {sides}, more than {THINNEST} times as long as wide")


def _upright_size(image: Image.Image) -> tuple[int, int]:
    sideways = _orientation(image) in (5, 6, 7, 8)
    return (image.height, image.width) if sideways else image.size


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:
        image.load()  # Pillow looks for EXIF behind the pixels, and forgets that they were damaged
    try:
        value = image.getexif().get(_ORIENTATION)
    except Exception:  # damaged metadata beside whole pixels: Pillow raises whatever it met
        return 1
    return value if isinstance(value, int) else 1


def _eight_bits(grey: np.ndarray) -> np.ndarray:
    # 65535 / 255 = 257, so 16-bit white becomes 255 exactly; Pillow's own conversion clips instead.
    return np.rint(np.clip(grey.astype(np.float64), 0, 65535) / 257).astype(np.uint8)


def _ends_well(file: File, kind: str) -> bool:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 12))
    tail = file.read()
    match kind:
        case "JPEG" | "MPO":
            return tail.rstrip(b"\0").endswith(b"\xff\xd9")
        case "PNG":
            return tail == b"\0\0\0\0IEND\xaeB`\x82"
        case "GIF":
            return tail.endswith(b";")
        case "WEBP":
            file.seek(4)
            return int.from_bytes(file.read(4), "little") + 8 <= size
    file.seek(0)
    return False


@contextmanager
def _naming(path: Path, max_pixels: int | None = None) -> Iterator[None]:
    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = max_pixels or Image.MAX_IMAGE_PIXELS or 0
        hint = f"scale it below {limit / 1_000_000:.3g} million pixels"
        raise DataError(f"{printable(path)}: too many pixels to open safely", hint) from error
    except Exception as error:  # decoders fail with anything from zlib.error to KeyError
        hint = "replace or remove the file, or leave such files out with --on-bad-image skip"
        raise DataError(f"{printable(path)}: {_reason(error)}", hint) from error


def _reason(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "no such file"
        case PermissionError():
            return "no permission to read it"
        case IsADirectoryError():
            return "is a folder, not an image"
        case UnidentifiedImageError():
            return "not an image, or a format that cannot be read"
    return " ".join(str(error).split()) or type(error).__name__
