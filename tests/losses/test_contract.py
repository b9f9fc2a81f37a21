"""What every embedding loss promises; a loss listed in LOSSES is held to it."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from zoo.errors import UsageError
from zoo.losses import LOSSES
from zoo.losses.rank_loss import RankLoss

RANKING = [name for name, kind in LOSSES.items() if issubclass(kind, RankLoss)]
BLACKBOX = ["blackbox_ap", "blackbox_recall"]
SMOOTH = [name for name in RANKING if name not in BLACKBOX]


def build(name: str, **options: Any) -> nn.Module:
    return made(name, **options).double()


def made(name: str, **options: Any) -> nn.Module:
    """Return a loss as a user makes it, in float32."""
    kind = LOSSES[name]
    parameters = inspect.signature(kind).parameters
    if "classes" in parameters:
        options = {"classes": 4, "dim": 6} | options
    if "ks" in parameters:
        options = {"ks": (1, 2)} | options
    torch.manual_seed(0)
    loss: nn.Module = kind(**options)
    return loss


def batch(count: int = 11, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random unit vectors; classes of uneven sizes in no order, the last class single."""
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(count, 6, dtype=torch.float64, generator=generator)
    labels = torch.tensor([2, 0, 1, 0, 2, 2, 1, 0, 2, 0, 3, 1])[:count]
    return normalize(vectors), labels


def value_and_gradient(loss: nn.Module, vectors: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    leaf = vectors.clone().requires_grad_()
    value = loss(leaf, labels)
    value.backward()
    assert leaf.grad is not None
    return value.detach(), leaf.grad


@pytest.mark.parametrize("name", LOSSES)
def test_the_order_of_the_batch_does_not_matter(name: str) -> None:
    vectors, labels = batch()
    order = torch.randperm(len(labels))
    value, gradient = value_and_gradient(build(name), vectors, labels)
    again, moved = value_and_gradient(build(name), vectors[order], labels[order])
    torch.testing.assert_close(again, value)
    torch.testing.assert_close(moved, gradient[order])


@pytest.mark.parametrize("name", SMOOTH)
def test_the_gradient_is_the_derivative(name: str) -> None:
    vectors, labels = batch()
    options = {"tau": 0.3} if "tau" in inspect.signature(LOSSES[name]).parameters else {}
    loss = build(name, **options)

    def of(free: Tensor) -> Tensor:
        value: Tensor = loss(normalize(free), labels)
        return value

    assert torch.autograd.gradcheck(
        of, vectors.requires_grad_(), eps=1e-7, atol=1e-5, fast_mode=True
    )


@pytest.mark.parametrize("name", RANKING)
def test_chunks_do_not_change_the_result(name: str) -> None:
    vectors, labels = batch()
    whole = value_and_gradient(build(name), vectors, labels)
    for chunk in (1, 4):
        cut = value_and_gradient(build(name, query_chunk=chunk), vectors, labels)
        torch.testing.assert_close(cut, whole)


@pytest.mark.parametrize("query", ["exclude", "positive", "rival"])
@pytest.mark.parametrize("name", RANKING)
def test_a_gallery_that_holds_the_batch_gives_the_batch_loss(name: str, query: str) -> None:
    vectors, labels = batch()
    loss = build(name, query=query)
    expected, gradient = value_and_gradient(loss, vectors, labels)
    queries, gallery = (vectors.clone().requires_grad_() for _ in range(2))
    value = loss(queries, labels, gallery, labels, torch.arange(len(labels)))
    value.backward()
    assert queries.grad is not None
    assert gallery.grad is not None
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(queries.grad + gallery.grad, gradient)


@pytest.mark.parametrize("name", RANKING)
def test_a_perfect_ranking_is_better_than_any_other(name: str) -> None:
    labels = torch.arange(4).repeat_interleave(3)
    perfect = normalize(torch.eye(6, dtype=torch.float64)[labels] + 0.03 * batch(12)[0])
    loss = build(name)
    value, gradient = value_and_gradient(loss, perfect, labels)
    other = loss(batch(12)[0], labels)
    floors = {"recall_at_k": 0.5, "sup_recall_at_k": 0.5}  # sigmoid(k - rank)
    floors["smooth_ndcg"] = 0.08  # positives side by side share their ranks
    floor = floors.get(name, 1e-6)
    assert value.item() <= floor
    assert value < other
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", RANKING)
def test_queries_without_a_positive_are_dropped_from_the_mean(name: str) -> None:
    vectors, labels = batch()
    loss = build(name, query_chunk=3)
    with_one = labels != 3
    value = loss(vectors, labels)
    queries_only = loss(
        vectors[with_one], labels[with_one], vectors, labels, with_one.nonzero()[:, 0]
    )
    torch.testing.assert_close(queries_only, value)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("name", RANKING)
def test_a_batch_without_positives_is_an_exact_zero_that_back_propagates(
    name: str, count: int
) -> None:
    vectors, _ = batch()
    value, gradient = value_and_gradient(
        build(name, **small(name)), vectors[:count], torch.arange(count)
    )
    assert value.item() == 0.0
    assert not gradient.any()


@pytest.mark.parametrize("name", LOSSES)
def test_two_items_of_a_class_are_enough(name: str) -> None:
    vectors, _ = batch()
    value, gradient = value_and_gradient(
        build(name, **small(name)), vectors[:2], torch.zeros(2, dtype=torch.long)
    )
    assert value.isfinite()
    assert gradient.isfinite().all()


def small(name: str) -> dict[str, Any]:
    return {"ks": (1,)} if "ks" in inspect.signature(LOSSES[name]).parameters else {}


@pytest.mark.parametrize("name", LOSSES)
def test_collapsed_embeddings_and_duplicates_stay_finite(name: str) -> None:
    vectors, labels = batch()
    collapsed = vectors[:1].expand_as(vectors).contiguous()
    duplicates = vectors.clone()
    duplicates[1] = duplicates[2]
    for inputs in (collapsed, duplicates):
        value, gradient = value_and_gradient(build(name), inputs, labels)
        assert value.isfinite()
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_is_computed_in_full(name: str) -> None:
    vectors, labels = batch()
    loss = build(name).float()
    half = vectors.bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(half, labels)
    value.backward()
    torch.testing.assert_close(value, build(name).float()(half.detach().float(), labels))
    assert value.dtype == torch.float32
    assert half.grad is not None
    assert half.grad.dtype == torch.bfloat16


@pytest.mark.parametrize("name", RANKING)
def test_a_loss_scale_only_scales_the_gradient(name: str) -> None:
    vectors, labels = batch()
    loss = build(name)
    _, gradient = value_and_gradient(loss, vectors, labels)
    leaf = vectors.clone().requires_grad_()
    (loss(leaf, labels) * 65536).backward()
    torch.testing.assert_close(leaf.grad, gradient * 65536)


@pytest.mark.parametrize("name", RANKING)
def test_levels_agree_with_flat_labels_on_one_level(name: str) -> None:
    vectors, labels = batch()
    flat = build(name)(vectors, labels)
    torch.testing.assert_close(build(name)(vectors, labels[:, None]), flat)


@pytest.mark.parametrize("name", RANKING)
def test_a_second_derivative_is_refused(name: str) -> None:
    vectors, labels = batch()
    leaf = vectors.requires_grad_()
    (first,) = torch.autograd.grad(build(name)(leaf, labels), leaf, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.backward(first.sum())


BAD: dict[str, tuple[Any, Any, str]] = {
    "twice as long": (batch()[0] * 2, batch()[1], "embeddings has rows of norm"),
    "a zero row": (batch()[0] * (torch.arange(11) > 0)[:, None], batch()[1], "rows of norm 0"),
    "not finite": (batch()[0].index_fill(0, torch.tensor([3]), float("nan")), batch()[1], "row 3"),
    "one vector": (batch()[0][0], batch()[1], "embeddings is torch.float64 of shape"),
    "float labels": (batch()[0], batch()[1].double(), "labels is torch.float64"),
    "too few labels": (batch()[0], batch()[1][:-1], "labels is torch.int64 of shape"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", LOSSES)
def test_bad_input_is_refused_by_name(name: str, case: str) -> None:
    embeddings, labels, message = BAD[case]
    with pytest.raises(UsageError, match=message):
        build(name)(embeddings, labels)


@pytest.mark.parametrize("name", LOSSES)
def test_a_gallery_needs_labels_and_the_same_dimension(name: str) -> None:
    vectors, labels = batch()
    with pytest.raises(UsageError, match="gallery_labels"):
        build(name)(vectors, labels, vectors)
    with pytest.raises(UsageError, match="gallery of shapes"):
        build(name)(vectors, labels, torch.eye(5, dtype=torch.float64), torch.arange(5))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("smooth_ap", {"tau": 0.0}, "tau is 0.0"),
        ("sup_ap", {"tau": -1.0}, "tau is -1.0"),
        ("recall_at_k", {"ks": ()}, "ks is"),
        ("recall_at_k", {"ks": (0, 1)}, "ks is"),
        ("pnp", {"variant": "Dz"}, "variant is 'Dz'"),
        ("blackbox_recall", {"weighting": "logloglog"}, "weighting is"),
        ("blackbox_ap", {"lam": 0.0}, "lam is 0.0"),
        ("sup_ap", {"query": "include"}, "query is 'include'"),
        ("sup_ap", {"query_chunk": 0}, "query_chunk is 0"),
        ("calibration", {"reduce": "sum"}, "reduce is 'sum'"),
        ("soft_bin_ap", {"bins": 1}, "bins is 1"),
        ("sup_ap", {"start": float("nan")}, "start is nan"),
        ("sup_ap", {"offset": float("inf")}, "offset is inf"),
        ("calibration", {"alpha": float("nan")}, "alpha is nan"),
        ("blackbox_ap", {"margin": -0.1}, "margin is -0.1"),
        ("blackbox_ap", {"memory": -1}, "memory is -1"),
        ("cluster_proxy", {"classes": 0}, "classes is 0"),
        ("triplet", {"margin": float("inf")}, "margin is inf"),
        ("cluster_proxy", {"centres": 0}, "centres is 0"),
        ("cross_level", {"margins": (0.1, 0.2)}, "2 margins for a tree of 1 levels"),
        ("proxy_nca", {"scale": 0.0}, "scale is 0.0"),
        ("sup_hap", {"weights": (0.0, 0.0)}, "weights is"),
    ],
)
def test_bad_options_are_refused_by_name(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build(name, **options)


@pytest.mark.parametrize("name", ["recall_at_k", "sup_recall_at_k"])
def test_k_beyond_the_gallery_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="the gallery holds 11 items"):
        build(name, ks=(100,))(*batch())


@pytest.mark.parametrize(
    "name", ["arcface", "cluster_proxy", "cross_level", "proxy_anchor", "proxy_nca"]
)
def test_a_label_without_a_proxy_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="labels go from 1 to 4"):
        build(name)(batch()[0], batch()[1] + 1)
