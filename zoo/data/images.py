"""Reading pictures."""

from pathlib import Path

from PIL import Image


def open_image(path: Path) -> Image.Image:
    """Open a picture as RGB."""
    return Image.open(path).convert("RGB")
