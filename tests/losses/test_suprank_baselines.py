"""SupRank's baselines and options, against formulas written out item by item."""

from itertools import combinations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from zoo.errors import UsageError
from zoo.losses import (
    ClusterProxy,
    CrossLevel,
    ProxyNCA,
    RecallAtK,
    SmoothHAP,
    SmoothNDCG,
    SupAP,
    SupHAP,
)
from zoo.losses.mixup import with_mixed_positives
from zoo.losses.smooth_hierarchical import smooth_hap
from zoo.losses.sup_ap import sup_ap
from zoo.losses.sup_hap import level_relevance, weighted_relevance
from zoo.ranking.positives import positives

TAU = 0.05
FINE = torch.tensor([0, 0, 1, 1, 1, 2, 2, 3, 3, 0])
LEVELS = torch.stack([FINE, FINE // 2], dim=1)


def batch() -> Tensor:
    return normalize(torch.randn(10, 6, dtype=torch.float64), dim=1)


def ranks(row: Tensor, others: list[int]) -> dict[int, float]:
    """Return each item's rank among `others`, one sigmoid for each other item."""
    return {
        k: 1 + sum(float(((row[j] - row[k]) / TAU).sigmoid()) for j in others if j != k)
        for k in others
    }


def common(a: int, b: int) -> int:
    return int((LEVELS[a] == LEVELS[b]).sum())


def test_smooth_h_ap_is_its_formula() -> None:
    vectors = batch()
    scores, values = vectors @ vectors.T, []
    for query in range(10):
        others = [j for j in range(10) if j != query]
        sizes = [sum(common(query, j) == level for j in others) for level in (1, 2)]
        relevance = {
            j: 0.0 if not common(query, j) else common(query, j) / 2 / sizes[common(query, j) - 1]
            for j in others
        }
        rank, reached = ranks(scores[query], others), 0.0
        for k in others:
            ahead = ((scores[query] - scores[query, k]) / TAU).sigmoid()
            h_rank = relevance[k] + sum(
                float(ahead[j]) * min(relevance[j], relevance[k]) for j in others if j != k
            )
            reached += h_rank / rank[k] if relevance[k] else 0.0
        values.append(1 - reached / sum(relevance.values()))
    assert SmoothHAP(TAU)(vectors, LEVELS).item() == pytest.approx(sum(values) / 10, rel=1e-6)


def test_smooth_ndcg_is_its_formula() -> None:
    vectors = batch()
    scores, values = vectors @ vectors.T, []
    for query in range(10):
        others = [j for j in range(10) if j != query]
        gains = {j: 2 ** common(query, j) - 1 for j in others}
        rank = ranks(scores[query], others)
        dcg = sum(gains[k] / torch.log2(torch.tensor(1 + rank[k])).item() for k in others)
        best = sorted(gains.values(), reverse=True)
        ideal = sum(g / torch.log2(torch.tensor(2.0 + i)).item() for i, g in enumerate(best))
        values.append(1 - dcg / ideal)
    assert SmoothNDCG(TAU)(vectors, LEVELS).item() == pytest.approx(sum(values) / 10, rel=1e-6)


def test_smooth_h_ap_of_one_level_is_smooth_ap() -> None:
    from zoo.losses import SmoothAP

    vectors = batch()
    torch.testing.assert_close(SmoothHAP(TAU)(vectors, FINE), SmoothAP(TAU)(vectors, FINE))


def test_uncapped_recall_counts_every_positive_found() -> None:
    labels = torch.zeros(6, dtype=torch.int64)
    vectors = normalize(torch.ones(6, 6, dtype=torch.float64) + 0.01 * torch.eye(6), dim=1)
    capped = RecallAtK((1,), tau_rank=TAU)(vectors, labels)
    free = RecallAtK((1,), tau_rank=TAU, capped=False)(vectors, labels)
    rank = torch.tensor(3.0)  # five items with one score: 1 + 4 / 2
    assert free.item() == pytest.approx(1 - 5 * (1 - rank).sigmoid().item(), rel=1e-6)
    assert capped.item() == pytest.approx(max(0.0, free.item()), abs=1e-9)


def test_h_ap_of_level_weights_is_the_mean_of_the_levels_aps() -> None:
    torch.manual_seed(3)
    scores = torch.rand(1, 12, dtype=torch.float64).argsort().argsort().double()  # gaps of 1
    level = torch.tensor([[2, 0, 1, 2, 0, 1, 1, 0, 2, 0, 0, 1]])
    count = torch.tensor([[int((level == grade).sum()) for grade in (1, 2)]])
    weights = (0.3, 0.7)  # finest first
    relevance = weighted_relevance(count, weights)
    order = scores[0].argsort(descending=True)
    ordered = level[0][order]

    def precision(least: int) -> float:
        hits = (ordered >= least).double()
        return float((hits.cumsum(0) / torch.arange(1, 13) * hits).sum() / hits.sum())

    graded = torch.cat([torch.zeros(1), relevance[0]])[ordered]
    h_ap = sum(
        float(torch.minimum(graded[: place + 1], graded[place]).sum()) / (place + 1)
        for place in range(12)
    ) / float(graded.sum())
    assert h_ap == pytest.approx(0.3 * precision(2) + 0.7 * precision(1), rel=1e-6)


def test_level_weights_reach_the_loss_and_must_be_one_per_level() -> None:
    vectors = batch()
    plain, weighted = SupHAP(), SupHAP(weights=(0.5, 0.5))
    assert not torch.isclose(plain(vectors, LEVELS), weighted(vectors, LEVELS))
    with pytest.raises(UsageError, match="weights has 2 values for labels of 1 levels"):
        weighted(vectors, FINE)


def test_a_level_without_items_adds_no_relevance() -> None:
    found = weighted_relevance(torch.tensor([[3, 0]]), (0.5, 0.5))
    assert found[0, 0].item() == pytest.approx(0.5 / 3)
    assert found.isfinite().all()


def test_mixed_positives_are_convex_mixtures_of_the_querys_own() -> None:
    scores = torch.randn(3, 8, dtype=torch.float64)
    items = positives(torch.tensor([0, 1, 2]), torch.tensor([0, 0, 0, 1, 1, 2, 2, 2]))
    mixed, more = with_mixed_positives(scores, items)
    assert mixed.shape == (3, 8 + 3)
    assert more.listed.sum(dim=1).tolist() == [6, 3, 6]
    torch.testing.assert_close(mixed[:, :8], scores)
    for row, own in enumerate(([0, 1, 2], [3, 4], [5, 6, 7])):
        for place, (a, b) in enumerate(combinations(own, 2)):
            low, high = sorted((scores[row, a].item(), scores[row, b].item()))
            assert low <= mixed[row, 8 + place].item() <= high
    assert mixed[1, 9:].tolist() == [-torch.inf] * 2


def test_mixed_positives_carry_their_gradient_to_both_parents() -> None:
    scores = torch.tensor([[0.9, 0.1, 0.5]], dtype=torch.float64, requires_grad=True)
    items = positives(torch.tensor([0]), torch.tensor([0, 0, 1]))
    torch.manual_seed(0)
    share = torch.rand(1, 1, dtype=torch.float64).item()
    torch.manual_seed(0)
    mixed, _ = with_mixed_positives(scores, items)
    (gradient,) = torch.autograd.grad(mixed[0, 3], scores)
    assert gradient.tolist() == [[pytest.approx(share), pytest.approx(1 - share), 0.0]]


def test_sup_ap_mixes_positives_in_training_only() -> None:
    vectors = batch()
    loss = SupAP(mix_positives=True, query="positive")
    torch.manual_seed(1)
    value = loss(vectors, FINE)
    torch.manual_seed(1)
    scores, items = with_mixed_positives(vectors @ vectors.T, positives(FINE, FINE))
    torch.testing.assert_close(value, sup_ap(scores, items).mean())
    plain = SupAP(query="positive")(vectors, FINE)
    assert not torch.isclose(value, plain)
    torch.testing.assert_close(loss.eval()(vectors, FINE), plain)


def test_several_centres_are_weighted_by_their_softmax() -> None:
    loss = ClusterProxy(4, 6, tau=0.05, centres=3).double()
    vectors, proxies = batch(), normalize(loss.proxies.detach(), dim=1)
    assert proxies.shape == (12, 6)
    logits = torch.zeros(10, 4, dtype=torch.float64)
    for item in range(10):
        for label in range(4):
            each = torch.stack([vectors[item] @ proxies[3 * label + i] for i in range(3)])
            logits[item, label] = (each * torch.softmax(each / 0.1, dim=0)).sum() / 0.05
    torch.testing.assert_close(loss(vectors, FINE), cross_entropy(logits, FINE))


def test_cross_level_is_its_formula_at_every_level() -> None:
    tree = torch.tensor([[0, 0], [1, 0], [2, 1], [3, 1]])
    loss = CrossLevel(4, 6, margins=(0.25, 0.45), tree=tree).double()
    vectors, proxies = batch(), normalize(loss.proxies.detach(), dim=1)
    total = 0.0
    for item, label in enumerate(FINE.tolist()):
        for level, margin in enumerate((0.25, 0.45)):
            negatives = [c for c in range(4) if tree[c, level] != tree[label, level]]
            rivals = torch.stack([32 * vectors[item] @ proxies[c] for c in negatives])
            gap = rivals.logsumexp(0) - 32 * vectors[item] @ proxies[label] + 32 * margin
            total += torch.log1p(gap.exp()).item()
    assert loss(vectors, FINE).item() == pytest.approx(total / 10, rel=1e-6)


def test_a_level_with_one_class_has_no_negatives_and_adds_nothing() -> None:
    one = torch.tensor([[0, 0], [1, 0], [2, 0], [3, 0]])
    torch.manual_seed(0)
    both = CrossLevel(4, 6, margins=(0.25, 0.45), tree=one).double()
    torch.manual_seed(0)
    finest = CrossLevel(4, 6, margins=(0.25,), tree=one[:, :1]).double()
    vectors = batch().requires_grad_()
    value = both(vectors, FINE)
    torch.testing.assert_close(value, finest(vectors, FINE))
    value.backward()
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()


def test_proxy_nca_is_a_softmax_over_squared_distances_times_nine() -> None:
    loss = ProxyNCA(4, 6).double()
    vectors = batch()
    proxies = normalize(loss.loss.proxies.detach(), dim=1)  # type: ignore[operator]
    logits = -(3 * vectors[:, None] - 3 * proxies[None]).pow(2).sum(dim=2)
    torch.testing.assert_close(loss(vectors, FINE), cross_entropy(logits, FINE))


def test_proxies_of_proxy_nca_start_small() -> None:
    torch.manual_seed(0)
    spread = ProxyNCA(400, 64).loss.proxies.std().item()  # type: ignore[operator]
    assert spread == pytest.approx(1 / 8, rel=0.02)


def test_population_relevance_stays_what_it_was() -> None:
    assert level_relevance(torch.tensor([[2, 1]])).tolist() == [[0.25, 1.0]]


def test_smooth_h_ap_drops_columns_out_of_the_ranking() -> None:
    scores = torch.tensor([[0.9, -torch.inf, 0.5, 0.1]], dtype=torch.float64)
    level = torch.tensor([[2, -1, 1, 0]])
    without = smooth_hap(scores[:, [0, 2, 3]], level[:, [0, 2, 3]], 2, TAU)
    torch.testing.assert_close(smooth_hap(scores, level, 2, TAU), without)
