"""Embeddings as the index keeps them: float32 rows of unit length."""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from zoo.errors import DataError


def unit_rows(vectors: Float[Tensor, "item dim"], what: str) -> Float32[np.ndarray, "item dim"]:
    """Return `vectors` as float32 rows of unit length; `what` names them in errors.

    Raises:
        DataError: a row is zero or not finite.
    """
    matrix = vectors.detach().cpu().float()
    lengths = torch.linalg.vector_norm(matrix, dim=1, keepdim=True)
    bad = ~(torch.isfinite(lengths) & (lengths > 0)).flatten()
    if bad.any():
        row = int(bad.nonzero()[0])
        raise DataError(f"{what} {row} has no direction: its length is {float(lengths[row]):g}")
    rows: Float32[np.ndarray, "item dim"] = (matrix / lengths).numpy()
    return rows
