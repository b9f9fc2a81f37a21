"""Binary metrics against plain Python, scikit-learn and golden numbers."""

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo.metrics import retrieval

Slowly = Callable[[Tensor, Tensor, Callable[[list[bool]], float]], float]
Ranking = tuple[Tensor, Tensor]


def ap(right: list[bool], k: int | None = None, share: int | None = None) -> float:
    total, hits = 0.0, 0
    for rank, good in enumerate(right[:k], start=1):
        if good:
            hits += 1
            total += hits / rank
    return total / (share or sum(right))


PLAIN: list[tuple[str, Callable[[Tensor, Tensor], Tensor], Callable[[list[bool]], float]]] = [
    ("recall_at_1", lambda s, r: retrieval.recall_at_k(s, r, 1), lambda h: float(any(h[:1]))),
    ("recall_at_5", lambda s, r: retrieval.recall_at_k(s, r, 5), lambda h: float(any(h[:5]))),
    ("precision_at_5", lambda s, r: retrieval.precision_at_k(s, r, 5), lambda h: sum(h[:5]) / 5),
    ("map", retrieval.mean_average_precision, ap),
    (
        "map_at_10",
        lambda s, r: retrieval.mean_average_precision(s, r, k=10),
        lambda h: ap(h, 10, min(10, sum(h))),
    ),
    (
        "map_at_10_over_R",
        lambda s, r: retrieval.mean_average_precision(s, r, k=10, denominator="R"),
        lambda h: ap(h, 10),
    ),
    ("map_at_r", retrieval.map_at_r, lambda h: ap(h, sum(h))),
    ("r_precision", retrieval.r_precision, lambda h: sum(h[: sum(h)]) / sum(h)),
    ("mrr", retrieval.mean_reciprocal_rank, lambda h: 1 / (1 + h.index(True))),
    ("mean_rank", retrieval.mean_rank, lambda h: 1.0 + h.index(True)),
]


@pytest.mark.parametrize(("name", "fast", "plain"), PLAIN)
def test_a_metric_equals_its_plain_definition(
    ranking: Ranking,
    slowly: Slowly,
    parity: Callable[..., None],
    name: str,
    fast: Callable[[Tensor, Tensor], Tensor],
    plain: Callable[[list[bool]], float],
) -> None:
    parity(name, "brute force", float(fast(*ranking)), slowly(*ranking, plain), 1e-12)


def test_the_golden_batch_has_its_published_map_and_recall(
    golden: tuple[Tensor, Tensor], parity: Callable[..., None]
) -> None:
    vectors, labels = golden
    itself, coarse = torch.arange(12), labels[:, 1]
    pair = retrieval.leave_out(
        vectors @ vectors.T, coarse[:, None] == coarse, query_ids=itself, gallery_ids=itself
    )
    got = [float(m(*pair)) for m in (retrieval.mean_average_precision, retrieval.recall_at_k)]
    parity("mAP, R@1 of the golden batch", "golden (6 digits)", got, [0.778108, 0.916667], 1e-6)


def test_a_duplicate_ahead_of_the_query_itself_is_still_found() -> None:
    scores = torch.tensor([[1.0, 1.0, 0.2]])  # the duplicate stands in column 0, the query in 1
    relevant = torch.tensor([[True, True, False]])
    pair = retrieval.leave_out(scores, relevant, torch.tensor([5]), torch.tensor([4, 5, 6]))
    assert pair[0].tolist() == [[1.0, -torch.inf, pytest.approx(0.2)]]
    assert float(retrieval.recall_at_k(*pair)) == 1
    assert float(retrieval.mean_average_precision(*pair)) == 1


def test_collapsed_embeddings_score_nothing_whatever_the_gallery_order() -> None:
    scores, relevant = torch.ones(1, 10), torch.arange(10) < 2
    for order in (torch.arange(10), torch.arange(10).flip(0), torch.randperm(10)):
        right = relevant[order][None]
        assert float(retrieval.recall_at_k(scores, right, k=8)) == 0
        assert float(retrieval.mean_average_precision(scores, right)) == pytest.approx(
            (1 / 9 + 2 / 10) / 2
        )


def test_ties_give_the_worst_of_all_orders() -> None:
    scores = torch.tensor([0.9, 0.5, 0.5, 0.5, 0.1])
    relevant = torch.tensor([False, True, False, True, True])
    groups = [p for p in itertools.permutations(range(5)) if p[0] == 0 and p[4] == 4]
    worst = min(ap(relevant[list(p)].tolist()) for p in groups)
    got = retrieval.mean_average_precision(scores[None], relevant[None])
    assert float(got) == pytest.approx(worst, abs=1e-12)


def test_queries_without_a_right_answer_are_left_out_of_the_mean() -> None:
    scores = torch.tensor([[0.9, 0.1], [0.1, 0.9]])
    relevant = torch.tensor([[True, False], [False, False]])
    for metric in (
        retrieval.recall_at_k,
        retrieval.precision_at_k,
        retrieval.mean_average_precision,
        retrieval.map_at_r,
        retrieval.r_precision,
        retrieval.mean_reciprocal_rank,
        retrieval.median_rank,
    ):
        assert float(metric(scores, relevant)) == 1


def test_no_right_answer_anywhere_is_not_a_number() -> None:
    scores, relevant = torch.rand(3, 4), torch.zeros(3, 4, dtype=torch.bool)
    assert retrieval.recall_at_k(scores, relevant).isnan()
    assert retrieval.mean_average_precision(scores, relevant).isnan()
    assert retrieval.median_rank(scores, relevant).isnan()


def test_median_rank_of_an_even_number_of_queries_is_the_middle() -> None:
    scores = torch.tensor([[0.9, 0.8, 0.7]]).repeat(2, 1)
    relevant = torch.tensor([[True, False, False], [False, False, True]])
    assert float(retrieval.median_rank(scores, relevant)) == 2
