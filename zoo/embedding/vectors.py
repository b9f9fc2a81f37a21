"""Embeddings as the index keeps them: float32 rows of unit length, whitened if it whitens."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from zoo.embedding.whitening import Whitening, learn_whitening
from zoo.errors import DataError

LEARN_ON = 100_000  # vectors: 200 a direction at 512 dimensions
Rows = Float32[np.ndarray, "item dim"]


DEAD = "the network gives nothing for it: look at how training ended, or leave the item out"


def unit_rows(
    vectors: Float[Tensor, "item dim"], what: str, names: Sequence[str] = ()
) -> Float32[np.ndarray, "item dim"]:
    """Return `vectors` as float32 rows of unit length; `what` and `names` name them in errors.

    Raises:
        DataError: a row is zero or not finite.
    """
    matrix = vectors.detach().cpu().float()
    lengths = torch.linalg.vector_norm(matrix, dim=1, keepdim=True)
    bad = ~(torch.isfinite(lengths) & (lengths > 0)).flatten()
    if bad.any():
        row = int(bad.nonzero()[0])
        named = f"{what} {row} ({names[row]})" if names else f"{what} {row}"
        length = float(lengths[row])
        raise DataError(f"{named} has no direction: its length is {length:g}", DEAD)
    rows: Float32[np.ndarray, "item dim"] = (matrix / lengths).numpy()
    return rows


def whitened(rows: Rows, whitening: Whitening | None) -> Float32[np.ndarray, "item _"]:
    """Return unit rows after a whitening, if there is one.

    Raises:
        DataError: the whitening is for another width, or leaves a row without direction.
    """
    if whitening is None:
        return rows
    return unit_rows(whitening(torch.from_numpy(rows)), "whitened embedding")


def whitening_of(rows: Rows, dim: int | None = None) -> Whitening:
    """Learn a whitening from (a fixed sample of) unit rows, keeping `dim` directions or all.

    Raises:
        DataError: there are too few rows.
    """
    pick = np.sort(np.random.default_rng(0).permutation(len(rows))[:LEARN_ON])
    return learn_whitening(torch.from_numpy(rows[pick]), dim)
