"""The comparison compares like with like."""

import numpy as np

from zoo.benchmarks.index import Points, bench_index, clustered, quantised
from zoo.index import Plan


def test_points_of_a_cluster_are_nearer_than_others() -> None:
    points = clustered(2_000, 64)
    assert np.allclose(np.linalg.norm(points, axis=1), 1, atol=1e-5)
    assert (clustered(2_000, 64) == points).all()
    others = clustered(200, 64, part=1)
    assert not set(map(bytes, others)) & set(map(bytes, points))
    assert float(np.median((points @ others.T).max(axis=0))) > 0.5  # around the same centres
    scores = points @ points[:200].T
    best = np.sort(scores, axis=0)
    assert float(np.median(best[-2])) > 0.5 > float(np.median(best))


def test_the_choice_is_compared_with_what_reaches_the_recall() -> None:
    found = bench_index(Points(3_000, 16), rivals=[Plan("HNSW8"), Plan("IVF16,Flat")])
    recalls = {row["plan"]: row["recall"] for row in (*found["tuner"], *found["by_hand"])}
    assert recalls[found["chosen"]] >= 0.99
    assert recalls[found["best_by_hand"]] >= 0.99
    assert found["ratio_by_hand"] > 0


def test_autofaiss_is_compared_at_the_recall_it_reaches() -> None:
    found = bench_index(Points(3_000, 16), codes=2)
    recalls = {row["plan"]: row["recall"] for row in (*found["tuner"], *found["autofaiss"])}
    assert found["best_autofaiss"].startswith("OPQ2_14,IVF256,PQ2x8")
    assert recalls[found["equal"]] >= recalls[found["best_autofaiss"]]
    assert found["ratio_autofaiss"] > 0


def test_what_autofaiss_writes_for_a_size() -> None:
    assert quantised(200_000, 256, 128) == Plan("OPQ128_384,IVF2048_HNSW32,PQ128x8")
    assert quantised(200_000, 512, 64) == Plan("OPQ64_448,IVF2048_HNSW32,PQ64x8")
    assert quantised(50_000, 100, 16) == Plan("OPQ16_112,IVF1024_HNSW32,PQ16x8")
