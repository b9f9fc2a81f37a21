"""Every query against the whole gallery, a block of queries at a time, never N x N."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.progress import Track, silent

BLOCK = 2**26  # similarities in memory at once: 256 MB, 64 queries of a gallery of one million
GALLERY_ROWS = 2**16  # gallery vectors multiplied at once: a memory-mapped gallery is streamed


def score_blocks(
    queries: Float[Tensor, "query dim"],
    gallery: Float[Tensor, "gallery dim"],
    *,
    block: int = BLOCK,
    device: str = "cpu",
    track: Track = silent,
) -> Iterator[tuple[slice, Float[Tensor, "block gallery"]]]:
    """Yield (rows of `queries`, their inner products with all of `gallery`).

    The yielded tensor is reused: read it before asking for the next.
    """
    rows = max(1, min(len(queries), block // max(1, len(gallery))))
    scores = torch.empty(rows, len(gallery), device=device)
    starts = range(0, len(queries), rows)
    for start in track(starts, "ranking", total=len(starts)):
        here = queries[start : start + rows].to(device)
        part = scores[: len(here)]
        for low in range(0, len(gallery), GALLERY_ROWS):
            piece = gallery[low : low + GALLERY_ROWS].to(device)
            part[:, low : low + len(piece)] = here @ piece.T
        yield slice(start, start + len(here)), part
