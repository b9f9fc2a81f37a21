"""Which device a flag means."""

import pytest
import torch

from zoo.device import pick_device
from zoo.errors import UsageError


@pytest.mark.parametrize(("gpus", "expected"), [(0, "cpu"), (1, "cuda")])
def test_auto_takes_a_gpu_when_there_is_one(
    monkeypatch: pytest.MonkeyPatch, gpus: int, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    assert pick_device("auto") == expected


@pytest.mark.parametrize("name", ["gpu", "cuda:x", ""])
def test_a_word_that_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no such device"):
        pick_device(name)


def test_a_gpu_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert pick_device("cuda:0") == "cuda:0"
    with pytest.raises(UsageError, match="not on this machine"):
        pick_device("cuda:1")
