"""Duplicates and maps."""

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.data.dataset import read_dataset
from zoo.errors import UsageError
from zoo.index import Index, ModelIdentity, Record
from zoo.index.duplicates import duplicates
from zoo.index.map import grid, map_page, project


def test_chains_of_similar_items_form_one_group_and_removed_ones_none(
    tmp_path: Path, identity: ModelIdentity, records: Callable[..., list[Record]]
) -> None:
    angles = torch.tensor([0.0, 0.1, 0.2, 1.0, 1.1, 2.0, 3.0, 3.05])
    vectors = torch.stack([angles.cos(), angles.sin()], dim=1)
    index = Index.from_vectors(tmp_path / "idx", vectors, records(8), identity)
    index.remove(ids=[7])
    threshold = float(torch.tensor(0.15).cos())
    groups = duplicates(index, threshold)
    assert [[h.record.id for h in group] for group in groups] == [[0, 1, 2], [3, 4]]
    assert groups[0][0].score == pytest.approx(float(torch.tensor(0.1).cos()), abs=1e-6)
    assert duplicates(index, 0.99999) == []
    at_the_least = groups[0][0].score
    assert duplicates(index, at_the_least) != duplicates(index, math.nextafter(at_the_least, 2))
    assert duplicates(index, 1.0) == []
    assert len(duplicates(index, -1.0)[0]) == 7
    with pytest.raises(UsageError, match="no cosine"):
        duplicates(index, 1.5)


def test_a_grid_gives_every_point_its_own_cell_in_order() -> None:
    points = torch.rand(50, 2, generator=torch.Generator().manual_seed(0))
    cells = grid(points)
    assert len({tuple(cell) for cell in cells.tolist()}) == 50
    assert int(cells.max()) == 7
    left = points[cells[:, 0] == 0, 0].max()
    assert bool((points[cells[:, 0] > 0, 0] >= left).all())


def test_a_projection_keeps_the_two_widest_directions() -> None:
    wide = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    wide *= torch.tensor([9.0, 4.0, 0.1, 0.1, 0.1])
    flat = project(wide)
    corners = torch.corrcoef(torch.cat([flat, wide[:, :2]], dim=1).T).abs()
    assert float(corners[0, 2]) > 0.99
    assert float(corners[1, 3]) > 0.99
    assert project(torch.ones(1, 1)).tolist() == [[0.0, 0.0]]


def test_a_map_shows_every_image_that_is_still_there(
    tmp_path: Path, photos: Path, colour_model: Callable[..., Any]
) -> None:
    dataset = read_dataset(photos, require_labels=False)
    index = Index.build(tmp_path / "idx", colour_model(), dataset)
    shutil.rmtree(photos / "red")
    page = map_page(index)
    assert page.count("<img") == 8
    assert "Missing or unreadable images: 4" in page
    assert "8 of 12 items" in page
    assert "http" not in page.replace("http-equiv", "")
    places = re.findall(r"grid-area: (\d) / (\d)", page)
    assert len(set(places)) == 8
    assert set("".join(map("".join, places))) == set("123")
    assert "--columns: 3" in page
    assert map_page(index, limit=3).count("<img") <= 3
    shutil.rmtree(photos)
    assert "--columns: 1" in map_page(index)
