"""Queries and what was found for them, as rows of images held inside the page."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

from zoo.data.images import open_image


@dataclass(frozen=True)
class Shown:
    """An image with a caption; `right` marks it as a right or wrong answer."""

    path: Path
    caption: str = ""
    right: bool | None = None


def ranking(name: str, query: Shown, hits: Sequence[Shown]) -> str:
    """Return one row: a name, the query, then the hits in order, right and wrong marked."""
    figures = [_figure(query, "query"), *(_figure(hit, _verdict(hit)) for hit in hits)]
    return (
        f'<div class="ranking"><div class="name">{escape(name)}</div>' + "".join(figures) + "</div>"
    )


def rankings(rows: Sequence[str]) -> str:
    """Return rows made by `ranking` as one grid."""
    return '<div class="rankings">\n' + "\n".join(rows) + "\n</div>"


def thumbnail(path: Path, size: int = 80) -> str:
    """Return an image file, shrunk to fit `size` x `size` pixels, as a `data:` address."""
    image = open_image(path)
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _verdict(hit: Shown) -> str:
    return {True: "right", False: "wrong", None: ""}[hit.right]


def _figure(shown: Shown, kind: str) -> str:
    alt = {"right": "right: ", "wrong": "wrong: ", "query": "query: "}.get(kind, "")
    return (
        f'<figure class="{kind}"><img src="{thumbnail(shown.path)}" '
        f'alt="{escape(alt + shown.caption)}">'
        f"<figcaption>{escape(shown.caption)}</figcaption></figure>"
    )
