"""Queries and what was found for them, as rows of images held inside the page."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from zoo.data.images import open_image
from zoo.report.html import block


@dataclass(frozen=True)
class Shown:
    """An image with a caption; `right` marks it as a right or wrong answer."""

    path: Path
    caption: str = ""
    right: bool | None = None


def ranking(name: str, query: Shown | None, hits: Sequence[Shown]) -> Markup:
    """Return one row: a name, the query's image, the hits in order, right and wrong marked."""
    asked = [] if query is None else [_figure(query, "query")]
    return block("ranking", name, [*asked, *(_figure(hit, _verdict(hit)) for hit in hits)])


def rankings(rows: Sequence[Markup]) -> Markup:
    """Return rows made by `ranking` as one grid."""
    return block("rankings", rows)


def thumbnail(path: Path, size: int = 80) -> str:
    """Return an image file, shrunk to fit `size` x `size` pixels, as a `data:` address."""
    image = open_image(path)
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _verdict(hit: Shown) -> str:
    return {True: "right", False: "wrong", None: ""}[hit.right]


def _figure(shown: Shown, kind: str) -> Markup:
    alt = {"right": "right: ", "wrong": "wrong: ", "query": "query: "}.get(kind, "")
    return block("figure", kind, thumbnail(shown.path), alt + shown.caption, shown.caption)
