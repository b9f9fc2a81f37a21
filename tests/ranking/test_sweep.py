"""How many scores are differentiated at once, on each kind of device."""

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
