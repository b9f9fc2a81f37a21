"""Exact nearest neighbours, a block of queries at a time."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo.search.scan import PLAIN, Scan, score_blocks


def nearest(
    queries: Float[Tensor, "query dim"],
    gallery: Float[Tensor, "gallery dim"],
    k: int,
    *,
    exclude: Int64[Tensor, " query"] | None = None,
    scan: Scan = PLAIN,
) -> tuple[Float[Tensor, "query k"], Int64[Tensor, "query k"]]:
    """Return the inner products and positions of each query's `k` best gallery items.

    `exclude` is one gallery position per query that must not be found (the query itself).
    """
    left = len(gallery) - (exclude is not None)
    scores, places = [], []
    for rows, block in score_blocks(queries, gallery, scan=scan):
        if exclude is not None:
            block.scatter_(1, exclude[rows, None].to(scan.device), -torch.inf)
        best = block.topk(min(k, left), dim=1)
        scores.append(best.values.cpu())
        places.append(best.indices.cpu())
    return torch.cat(scores), torch.cat(places)
