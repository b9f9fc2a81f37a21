"""What a run adds to mmengine's loop, called as mmengine calls it."""

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from zoo.detection.bridge import require_mmdet
from zoo.errors import InterruptedRunError, RankzooError
from zoo.runs.lifecycle import Run

require_mmdet()

from zoo.detection.hooks import EpochSeedHook, PlainCheckpointHook, RecordHook  # noqa: E402


def test_a_checkpoint_keeps_plain_facts_and_forgets_what_would_be_run() -> None:
    meta = {"epoch": 3, "iter": 9, "seed": 5, "experiment_name": "e", "mmengine_version": "1"}
    for event in ("before_save_checkpoint", "after_load_checkpoint"):
        given = {
            "meta": {**meta, "cfg": "import os", "hook_msgs": object()},
            "message_hub": object(),
        }
        getattr(PlainCheckpointHook(), event)(None, given)
        assert given["meta"] == meta
    saved: dict[str, Any] = {"meta": {"epoch": 1}, "message_hub": object(), "state_dict": {}}
    PlainCheckpointHook().before_save_checkpoint(None, saved)
    assert saved["message_hub"] == {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}
    assert saved["meta"] == {"epoch": 1}
    bare: dict[str, Any] = {}
    PlainCheckpointHook().after_load_checkpoint(None, bare)
    assert bare == {"meta": {}}


def drawn(seed: int, epoch: int, rank: int) -> tuple[float, float, float]:
    EpochSeedHook().before_train_epoch(SimpleNamespace(seed=seed, epoch=epoch, rank=rank))
    numpy = float(np.random.random())  # noqa: NPY002
    return random.random(), numpy, float(torch.rand(1))


def test_every_epoch_of_every_process_has_its_own_numbers_again_and_again() -> None:
    assert drawn(3, 1, 0) == drawn(3, 1, 0)
    every = [drawn(seed, epoch, rank) for seed in (3, 4) for epoch in (0, 1) for rank in (0, 1)]
    for generator in zip(*every, strict=True):
        assert len(set(generator)) == 8


def test_plain_checkpoints_come_last_and_seeds_first() -> None:
    assert PlainCheckpointHook.priority == "VERY_LOW"
    assert EpochSeedHook.priority == "VERY_HIGH"


class Told(Run):
    """A run that keeps what it is told."""

    def __init__(self, out: Path) -> None:
        self.out, self.rows, self.updates, self.asked = out, list[Any](), 0, False
        self.heard, self.shown = list[Any](), list[int]()
        self.recipe: Any = SimpleNamespace(name="small", schedule=SimpleNamespace(warmup_steps=2))
        self.options: Any = SimpleNamespace(track=self.track)

    def track(self, items: Any, name: str, total: int) -> Any:
        self.heard.append((name, total))
        for item in items:
            self.shown.append(item)
            yield item

    @property
    def stopping(self) -> bool:
        return self.asked

    def open_record(self, done: int) -> None:
        self.heard.append(("record", done))

    def watch_signals(self) -> None:
        self.heard.append("signals")

    def updated(self) -> None:
        self.updates += 1

    def record(self, row: dict[str, Any] | None) -> None:
        self.rows.append(row)

    def interrupted(self, when: str) -> InterruptedRunError:
        return InterruptedRunError(when)


@pytest.fixture
def run(tmp_path: Path) -> Told:
    return Told(tmp_path)


def runner(done: int, total: int) -> Any:
    rates = SimpleNamespace(get_lr=lambda: {"lr": [0.25, 0.5]})
    return SimpleNamespace(iter=done, max_iters=total, optim_wrapper=rates)


def go(hook: Any, first: int, total: int) -> None:
    """Make the updates from the first on."""
    hook.before_train(runner(first, total))
    for step in range(first, total):
        hook.before_train_iter(runner(step, total), step)
        outputs = {"loss": torch.tensor(float(step)), "maps": torch.zeros(2), "text": "no"}
        hook.after_train_iter(runner(step, total), step, outputs=outputs)


def test_every_tenth_update_and_the_last_one_are_recorded(run: Told) -> None:
    hook: Any = RecordHook(run, {})
    go(hook, 0, 23)
    assert run.rows == [
        {"step": step, "loss": step - 1.0, "learning_rate": 0.25} for step in (10, 20, 23)
    ]
    assert run.heard == [("record", 0), "signals", ("train small", 23)]
    assert (run.updates, len(hook.seconds), run.shown) == (23, 23, list(range(23)))
    assert all(seconds >= 0 for seconds in hook.seconds)


def test_a_run_that_goes_on_catches_up_with_its_progress(run: Told) -> None:
    go(RecordHook(run, {}), 21, 23)
    assert [row["step"] for row in run.rows] == [23]
    assert run.heard[0] == ("record", 21)
    assert run.shown == list(range(23))
    assert run.updates == 3  # what was done before counts as one


def test_a_signal_stops_after_the_step_but_not_after_the_last(run: Told) -> None:
    run.asked = True
    with pytest.raises(InterruptedRunError, match="after step 1 of 2"):
        go(RecordHook(run, {}), 0, 2)
    go(RecordHook(run, {}), 1, 2)


def test_a_checkpoint_of_other_data_is_refused(run: Told) -> None:
    hook: Any = RecordHook(run, {"items": 3, "data": "x", "seed": 0})
    kept: dict[str, Any] = {}
    hook.before_save_checkpoint(None, kept)
    assert kept == {"run": {"items": 3, "data": "x", "seed": 0}}
    hook.after_load_checkpoint(None, kept)
    with pytest.raises(RankzooError):
        hook.after_load_checkpoint(None, {"run": {"items": 3, "data": "y", "seed": 0}})


@pytest.mark.parametrize(("total", "said"), [(1, True), (2, False)])
def test_a_run_shorter_than_its_warm_up_says_so(
    run: Told, caplog: pytest.LogCaptureFixture, total: int, said: bool
) -> None:
    go(RecordHook(run, {}), 0, total)
    assert ("schedule.warmup_steps=2, and the run has 1 updates" in caplog.text) == said
