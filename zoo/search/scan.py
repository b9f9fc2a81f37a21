"""Every query against the whole gallery, a block of queries at a time, never N x N."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.progress import Track, silent

BLOCK = 2**26  # similarities in memory at once: 256 MB, 64 queries of a gallery of one million
GALLERY_ROWS = 2**16  # gallery vectors multiplied at once: a memory-mapped gallery is streamed


@dataclass(frozen=True)
class Scan:
    """Where scores are computed, under which progress bar, and how many are held at once."""

    device: str = "cpu"
    track: Track = silent
    block: int = BLOCK


PLAIN = Scan()


def score_blocks(
    queries: Float[Tensor, "query dim"],
    *galleries: Float[Tensor, "_ dim"],
    scan: Scan = PLAIN,
) -> Iterator[tuple[slice, Float[Tensor, "block gallery"]]]:
    """Yield (rows of `queries`, their inner products with all of the gallery).

    Several galleries count as one, end to end, without being copied together. The yielded tensor
    is reused: read it before asking for the next.
    """
    width = sum(len(gallery) for gallery in galleries)
    rows = max(1, min(len(queries), scan.block // max(1, width)))
    scores = torch.empty(rows, width, device=scan.device)
    starts = range(0, len(queries), rows)
    for start in scan.track(starts, "ranking", total=len(starts)):
        here = queries[start : start + rows].to(scan.device)
        part = scores[: len(here)]
        column = 0
        for piece in (p for gallery in galleries for p in torch.split(gallery, GALLERY_ROWS)):
            part[:, column : column + len(piece)] = here @ piece.to(scan.device).T
            column += len(piece)
        yield slice(start, start + len(here)), part
