"""Gradients of a sweep, and how many scores are differentiated at once on each kind of device."""

from types import SimpleNamespace

import pytest
import torch

from zoo.ranking import sweep

MEGA = 2**20


def test_a_cpu_takes_what_stays_in_its_cache() -> None:
    assert sweep.scores_at_once(torch.device("cpu")) == 2_000_000


@pytest.mark.parametrize(
    ("cache", "memory", "expected"),
    [
        (50 * MEGA, 80_000 * MEGA, 50 * MEGA // 8),  # the scores and their gradient in L2
        (4 * MEGA, 16_000 * MEGA, 4 * MEGA),  # a small cache: enough work for a launch
        (4 * MEGA, 512 * MEGA, 2 * MEGA),  # a small card: 1/64 of its memory
    ],
)
def test_a_gpu_takes_what_its_cache_and_memory_hold(
    cache: int, memory: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = SimpleNamespace(L2_cache_size=cache, total_memory=memory)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    sweep.scores_at_once.cache_clear()
    assert sweep.scores_at_once(torch.device("cuda:0")) == expected
    sweep.scores_at_once.cache_clear()


@pytest.mark.parametrize("chunk", [1, 3, 7])
@pytest.mark.parametrize("own_gallery", [True, False])
def test_both_sides_receive_the_gradient_of_the_whole_matrix(chunk: int, own_gallery: bool) -> None:
    queries = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    gallery = torch.randn(9, 4, dtype=torch.float64, requires_grad=True) if own_gallery else None
    others, weights = queries if gallery is None else gallery, torch.rand(7, dtype=torch.float64)
    leaves = [queries] if gallery is None else [queries, gallery]
    plain = weights @ (queries @ others.T).sin().sum(dim=1)
    panels = sweep.Panels(queries.detach(), others.detach(), None, chunk)
    swept = sweep.sweep(queries, gallery, lambda s, _: s.sin().sum(dim=1), weights, panels)
    torch.testing.assert_close(swept, plain)
    expected = torch.autograd.grad(plain, leaves)
    torch.testing.assert_close(
        torch.autograd.grad(3 * swept, leaves), tuple(3 * g for g in expected)
    )
