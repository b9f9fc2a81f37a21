"""An index of ours in faiss's and numpy's own hands: the same vectors, the same neighbours."""

from collections.abc import Callable

import faiss
import numpy as np
import pytest
from torch import Tensor

from tests.index.conftest import identity as identity
from tests.index.conftest import make_index as make_index
from tests.index.conftest import points as points
from tests.index.conftest import records as records
from zoo.index import Index, Plan

VECTORS = "segments/000001/vectors.faiss"


@pytest.mark.parametrize("kind", ["Flat", "HNSW16", "IVF4,SQ8"])
def test_faiss_and_numpy_read_the_vectors(
    kind: str, make_index: Callable[..., Index], points: Callable[..., Tensor]
) -> None:
    index = make_index(200, plan=Plan(kind, refine=25, nprobe=4, ef_search=400))
    file = index.folder / VECTORS
    opened = faiss.read_index(str(file))
    expected = points(200).numpy()
    held = opened.reconstruct_n(0, 200)
    np.testing.assert_allclose(held, expected, atol=1e-6)
    mapped = np.memmap(file, np.float32, mode="r", offset=45, shape=(200, expected.shape[1]))
    np.testing.assert_array_equal(mapped, held)
    queries = points(5, seed=1)
    scores, rows = opened.search(queries.numpy(), 7)
    found = index.search(queries, 7)
    assert [[hit.record.id for hit in hits] for hits in found] == rows.tolist()
    np.testing.assert_allclose([[hit.score for hit in hits] for hits in found], scores, atol=1e-6)
