"""Which device a flag means."""

from collections.abc import Callable

import pytest
import torch

from zoo.device import pick_device
from zoo.errors import UsageError


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Pretend that the machine has so many GPUs; return which were made the current one."""

    def pretend(count: int) -> list[int]:
        chosen: list[int] = []
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        return chosen

    return pretend


def test_auto_takes_a_gpu_when_there_is_one(gpus: Callable[[int], list[int]]) -> None:
    assert gpus(0) == []
    assert pick_device("auto") == "cpu"
    chosen = gpus(1)
    assert pick_device("auto") == "cuda:0"
    assert chosen == [0]


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_each_process_of_torchrun_takes_a_gpu_of_its_own(
    name: str, gpus: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = gpus(4)
    for rank in range(4):
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        assert pick_device(name) == f"cuda:{rank}"
    assert chosen == [0, 1, 2, 3]
    monkeypatch.setenv("LOCAL_RANK", "4")
    with pytest.raises(UsageError, match="cuda:4: this machine has 4"):
        pick_device(name)


def test_auto_takes_apples_gpu_before_the_cpu(
    gpus: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(0)
    with pytest.raises(UsageError, match="mps: not on this machine"):
        pick_device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto") == pick_device("mps") == "mps"


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "meta"])
def test_a_word_that_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="device"):
        pick_device(name)


def test_a_gpu_that_is_not_here_is_refused(gpus: Callable[[int], list[int]]) -> None:
    gpus(1)
    assert pick_device("cuda:0") == "cuda:0"
    with pytest.raises(UsageError, match="this machine has 1"):
        pick_device("cuda:1")
