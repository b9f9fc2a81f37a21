import pytest
import torch

from zoo.experiments.gap import decomposability_gap


def brute_force_ap(vectors: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    values = []
    for query in range(len(labels)):
        others = [item for item in range(len(labels)) if item != query]
        order = sorted(others, key=lambda item: -float(vectors[query] @ vectors[item]))
        right = [place for place, item in enumerate(order, 1) if labels[item] == labels[query]]
        values.append(sum((n / place for n, place in enumerate(right, 1))) / len(right))
    return torch.tensor(values, dtype=torch.float64)


def points(count: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 5), dim=1)


def test_a_batch_that_is_the_whole_set_has_no_gap() -> None:
    labels = torch.arange(6).repeat_interleave(2)
    gap = decomposability_gap(points(12), labels, batch_size=12, per_class=2)
    assert gap.abs().max() < 1e-12


def test_the_gap_is_ap_in_batches_minus_ap_in_the_whole_set() -> None:
    labels = torch.arange(6).repeat_interleave(2)
    vectors = points(12)
    gap = decomposability_gap(vectors, labels, batch_size=4, per_class=2, seed=3)
    assert gap.isfinite().all()
    in_batches = gap + brute_force_ap(vectors, labels)
    best: dict[int, tuple[float, float]] = {}
    for query in range(12):  # a batch is the query's class and one other: all that can happen
        own = labels == labels[query]
        for other in range(6):
            if other == labels[query]:
                continue
            kept = (own | (labels == other)).nonzero()[:, 0]
            place = int((kept == query).nonzero())
            ap = float(brute_force_ap(vectors[kept], labels[kept])[place])
            low, high = best.get(query, (1.0, 0.0))
            best[query] = (min(low, ap), max(high, ap))
    for query, (low, high) in best.items():
        assert low - 1e-9 <= float(in_batches[query]) <= high + 1e-9


def test_embeddings_that_separate_the_classes_have_no_gap() -> None:
    labels = torch.arange(8).repeat_interleave(3)
    vectors = torch.eye(8)[labels]
    assert decomposability_gap(vectors, labels, 6, 3).abs().max() == 0


def test_fewer_items_in_a_class_than_asked_for_are_not_their_own_answers() -> None:
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    gap = decomposability_gap(points(6), labels, batch_size=12, per_class=4)
    assert gap.abs().max() < 1e-12  # three classes at once: the whole set


@pytest.mark.parametrize("seed", [0, 1])
def test_random_embeddings_look_better_in_a_batch(seed: int) -> None:
    torch.manual_seed(seed)
    labels = torch.arange(100).repeat_interleave(2)
    assert decomposability_gap(points(200), labels, 8, 2).mean() > 0.1
