"""The comparison compares like with like."""

import numpy as np

from zoo.bench.index import bench_index, clustered
from zoo.index import Plan


def test_points_of_a_cluster_are_nearer_than_others() -> None:
    points = clustered(2_000, 64)
    assert np.allclose(np.linalg.norm(points, axis=1), 1, atol=1e-5)
    assert (clustered(2_000, 64) == points).all()
    scores = points @ points[:200].T
    best = np.sort(scores, axis=0)
    assert float(np.median(best[-2])) > 0.5 > float(np.median(best))


def test_the_choice_is_never_faster_than_the_best_and_always_good_enough() -> None:
    found = bench_index(2_000, 16, by_hand=[Plan("HNSW8")], quantised=Plan("IVF4,SQ4"))
    assert 0 < found["ratio_by_hand"] <= 1
    assert found["chosen"]["recall"] >= 0.99
    assert found["best"]["qps"] >= found["chosen"]["qps"]
    assert found["recall_quantised"] <= 1.0
