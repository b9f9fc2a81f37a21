"""Reading pictures: those that were sent, and those of indexed items, and no other file."""

import hashlib
import io
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from zoo.data.images import decode_image
from zoo.errors import DataError
from zoo.index import Hit
from zoo.serve.refusal import RefusedError

SIZES = (160, 320, 1280)  # longest side of what is sent; few, so that the cache is used
LARGEST_SIDE = 16_383  # pixels: what WebP can hold
LARGEST_FILE = 512_000_000  # bytes; nothing larger is read to make a thumbnail
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FORMATS = "send JPEG, PNG, WebP, GIF, BMP, TIFF or PPM"


def received(content: bytes, max_pixels: int) -> Image.Image:
    """Decode an image that a client sent.

    Raises:
        RefusedError: 415 for no image, 413 for too many pixels, 422 for a damaged one.
    """
    if not content:
        raise RefusedError(400, "no image was sent", "send its bytes as the body")
    try:
        return decode_image(content, "the image sent", max_pixels)
    except DataError as error:
        match error.__cause__:
            case UnidentifiedImageError():
                raise RefusedError(415, "this is no image that can be read", _FORMATS) from error
            case Image.DecompressionBombError() | Image.DecompressionBombWarning():
                raise RefusedError(413, str(error), error.hint) from error
        raise RefusedError(422, str(error), _FORMATS) from error


def read_item(item: Hit, roots: Sequence[Path], check: bool) -> bytes:
    """Return the file of an indexed item, if it lies in one of `roots` and is what was indexed.

    An index may have been made by somebody else: its paths may say `../..`, be absolute, or lead
    through links. What counts is where the file really is. With `check`, its bytes must have the
    sha256 that was indexed, so another file put in its place is not shown either.

    Raises:
        RefusedError: 404 for a missing file, 403 for one elsewhere, 410 for one that has changed.
    """
    places = [root / item.record.path for root in roots]
    found = [place.resolve() for place in places if place.is_file()]
    if not found:
        raise RefusedError(404, f"{item.record.path}: the image is not where it was when indexed")
    inside = [p for p in found if any(p.is_relative_to(root.resolve()) for root in roots)]
    if not inside:
        raise RefusedError(
            403,
            f"{item.record.path} lies outside of the index's own images",
            "the person who serves may allow its folder with --pictures",
        )
    content = _read(inside[0])
    expected = item.record.sha256
    if check and _SHA256.fullmatch(expected) and hashlib.sha256(content).hexdigest() != expected:
        raise RefusedError(
            410, f"{item.record.path} has changed since it was indexed", "rankzoo index add"
        )
    return content


def shrunk(picture: Image.Image, side: int) -> bytes:
    """Return an image as WebP, its longest side at most `side` pixels, without its metadata."""
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=80, method=2)
    return buffer.getvalue()


def _read(path: Path) -> bytes:
    # The path is resolved: a link or a pipe put there since is refused, not followed or waited for.
    # Windows has neither flag, and opens no pipe by a path.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > LARGEST_FILE:
                raise RefusedError(404, f"{path.name} is no image file of reasonable size")
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise RefusedError(404, f"{path.name} cannot be read: {error.strerror}") from error
