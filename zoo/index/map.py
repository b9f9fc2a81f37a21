"""A map of an index: images laid out so that similar ones are near each other."""

import math

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo.index.index import Index
from zoo.report import counted, page, paragraph
from zoo.report.html import block
from zoo.report.images import thumbnail
from zoo.search.results_page import readable

SIDE = 44  # pixels of a thumbnail; 1,000 of them make a page of about 1.5 MB


def map_page(index: Index, limit: int = 1_000) -> str:
    """Return a self-contained page: at most `limit` images on a grid, drawn with a fixed seed."""
    ids = index.ids()
    chosen = np.sort(np.random.default_rng(0).permutation(len(ids))[:limit])
    vectors = index.vectors_of([ids[i] for i in chosen])
    items = [item for item in index.items([ids[i] for i in chosen]) if readable(item.path)]
    points = [vectors[item.record.id] for item in items]
    places = grid(project(torch.stack(points)) if points else torch.empty(0, 2))
    images = [
        {
            "column": column,
            "row": row,
            "title": " ".join(filter(None, (item.label, item.record.caption, str(item.path)))),
            "source": thumbnail(item.path, SIDE),
        }
        for item, (column, row) in zip(items, places.tolist(), strict=True)
    ]
    columns = int(places.max()) + 1 if items else 1
    missing = len(chosen) - len(items)
    notes = [paragraph(f"Missing or unreadable images: {missing}.")] if missing else []
    lead = f"{len(items)} of {counted(len(ids), 'item')}; near each other: alike to the model."
    canvas = block("mosaic", columns, images)
    return page(f"Map of {index.folder.name}", lead, *notes, canvas)


def project(vectors: Float[Tensor, "item dim"]) -> Float[Tensor, "item 2"]:
    """Return the two principal components, each with its largest entry positive."""
    centred = vectors - vectors.mean(dim=0)
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    flat = centred @ axes[:2].T
    flat = torch.nn.functional.pad(flat, (0, 2 - flat.shape[1]))
    peaks = flat.gather(0, flat.abs().argmax(dim=0, keepdim=True))
    return flat * torch.where(peaks < 0, -1.0, 1.0)


def grid(points: Float[Tensor, "item 2"]) -> Int64[Tensor, "item 2"]:
    """Give every point a cell of a square grid of its own: columns by x, then rows by y."""
    side = math.ceil(math.sqrt(len(points)))
    cells = torch.zeros(len(points), 2, dtype=torch.int64)
    order = points[:, 0].argsort(stable=True)
    for column in range(side):
        members = order[column * side : (column + 1) * side]
        members = members[points[members, 1].argsort(stable=True)]
        cells[members, 0] = column
        cells[members, 1] = torch.arange(len(members))
    return cells
