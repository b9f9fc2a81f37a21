import pytest
import torch

from zoo.experiments.launch import threads_each


@pytest.mark.parametrize(("jobs", "threads"), [(1, 8), (3, 2), (16, 1)])
def test_runs_share_the_cores(jobs: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert threads_each(jobs) == threads


def test_a_run_takes_the_threads_that_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_each(1) == threads_each(4) == 3
