"""Opening any image as upright 8-bit RGB, or saying in one line why it cannot be."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from zoo.data.item import printable
from zoo.errors import DataError

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm"))
# Pillow goes by content, whatever the name: EPS would start Ghostscript, and rare decoders are
# the ones that were attacked.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
_TRANSPARENT = frozenset(("LA", "La", "PA", "RGBA", "RGBa"))

# Pillow only warns between 89 and 179 million pixels: an image of that size takes half a
# gigabyte in every loading worker, so it is refused like the larger ones.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def open_image(path: Path, size: int | None = None) -> Image.Image:
    """Return an image as upright RGB.

    EXIF rotation is applied, transparency is laid on white, 16-bit grey is scaled to 8 bits, CMYK
    and palettes are converted.

    Args:
        path: The image file.
        size: When given, a JPEG may be decoded at a half, quarter or eighth of its size, as long as
            both sides stay at least this long: several times faster for large photos.

    Raises:
        DataError: naming the file, for anything that is not a whole image of reasonable size.
    """
    with _naming(path), Image.open(path, formats=_FORMATS) as image:
        if size is not None:
            image.draft(None, (size, size))
        ImageOps.exif_transpose(image, in_place=True)
        return to_rgb(image)


def decode_image(content: bytes, name: str, max_pixels: int) -> Image.Image:
    """Return an image that came over the network as upright RGB; see `open_image`.

    The number of pixels is read from the header: an image beyond `max_pixels` is never decoded.

    Raises:
        DataError: calling it `name`, for anything that is not a whole image of allowed size. Its
            cause is Pillow's UnidentifiedImageError or DecompressionBombError for the two plainest.
    """
    with (
        _naming(Path(name), max_pixels),
        Image.open(io.BytesIO(content), formats=_FORMATS) as image,
    ):
        if image.width * image.height > max_pixels:
            raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
        ImageOps.exif_transpose(image, in_place=True)
        return to_rgb(image)


def check_image(path: Path) -> None:
    """Check cheaply that a file is a whole image: header, pixel count and end marker.

    Pixels are decoded only when the end marker is not where the format puts it.

    Raises:
        DataError: naming the file and what is wrong with it.
    """
    with _naming(path), path.open("rb") as file, Image.open(file, formats=_FORMATS) as image:
        if not _ends_well(file, image.format or ""):
            image.load()


def to_rgb(image: Image.Image) -> Image.Image:
    """Return the image as 8-bit RGB, transparency laid on white.

    Raises:
        ValueError: for pixels without an agreed range or colour conversion.
    """
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        page = Image.new("RGBA", image.size, "white")
        page.alpha_composite(image.convert("RGBA"))
        return page.convert("RGB")
    if image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode == "F":
        raise ValueError("floating-point pixels have no agreed range, save it as 8 or 16 bit")
    image.load()
    return image if image.mode == "RGB" else image.convert("RGB")


def is_image_name(path: Path) -> bool:
    """Say whether a file's name makes it an image; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _eight_bits(grey: np.ndarray) -> np.ndarray:
    # 65535 / 255 = 257, so 16-bit white becomes 255 exactly; Pillow's own conversion clips instead.
    return np.rint(np.clip(grey.astype(np.float64), 0, 65535) / 257).astype(np.uint8)


def _ends_well(file: IO[bytes], kind: str) -> bool:
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
