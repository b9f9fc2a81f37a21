"""What a notebook shows of hits: images inside the cell, bounded, and no text taken for HTML."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.embedding.rows import Record
from zoo.index import Index
from zoo.search.asking import ask
from zoo.search.hits import DRAWN, Hit, Hits
from zoo.search.options import SearchOptions


def hit(path: Path, label: str = "red") -> Hit:
    return Hit(1, 0.5, path, Record(path.name, labels={"label": label}))


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    """An image that compresses badly."""
    drawn = np.random.default_rng(0).integers(0, 256, (600, 900, 3), dtype=np.uint8)
    Image.fromarray(drawn).save(tmp_path / "noisy.png")
    return tmp_path / "noisy.png"


def test_texts_are_escaped_and_a_missing_image_is_said(tmp_path: Path) -> None:
    shown = hit(tmp_path / "gone.png", "<script>alert(1)</script>")._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "image missing" in shown
    assert "no hit" in Hits()._repr_html_()


def test_many_hits_of_large_images_stay_small(noisy: Path) -> None:
    many = Hits(replace(hit(noisy), rank=rank) for rank in range(1, 101))
    shown = many._repr_html_()
    assert shown.count("<img") == DRAWN
    assert f"and {100 - DRAWN} more" in shown
    assert len(shown) < DRAWN * 16_000
    assert not re.findall(r'src="(?!data:image/webp;base64,)', shown)


def test_what_a_search_returns_shows_itself(
    photos: Path, tmp_path: Path, colour_model: Callable[..., Any]
) -> None:
    index = Index.build(tmp_path / "idx", colour_model(), photos, name="colours")
    (answer,) = ask(index, colour_model(), [photos / "red" / "1.png"], SearchOptions(k=3))
    (found,) = index.search(
        index.vectors_of([answer.hits[0].record.id])[answer.hits[0].record.id][None], 3
    )
    for shown in (answer._repr_html_(), found._repr_html_()):
        assert shown.count("<img") == 3
        assert "1. red 1.000" in shown
