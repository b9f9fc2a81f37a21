"""What a person types and what a function is given mean the same, down to what is left out."""

from pathlib import Path
from typing import Any

import pytest

from zoo.errors import UsageError
from zoo.progress import silent
from zoo.runs.options import RunOptions, TrainOptions


def test_what_is_not_said_on_the_command_line_is_what_a_function_takes_by_itself() -> None:
    typed = TrainOptions(Path("run"), device="cpu").carried_out(silent)
    assert RunOptions(**typed) == RunOptions(compare=True)
    assert RunOptions().workers == 0  # a Python process more for each is asked for, never given
    assert not RunOptions().compare


def test_what_is_said_arrives() -> None:
    rows: list[Any] = []
    said = TrainOptions(
        *(Path("run"), Path("photos")),
        seed=5,
        resume="auto",
        device="cpu",
        workers=3,
        trackers=("none",),
        command="rankzoo train",
    )
    found = vars(RunOptions(**said.carried_out(silent, [rows.append])))
    assert found | {"track": None, "listeners": None} == {
        "device": "cpu",
        "workers": 3,
        "seed": 5,
        "resume": True,
        "track": None,
        "listeners": None,
        "trackers": ("none",),
        "command": "rankzoo train",
        "compare": True,
    }
    assert len(found["listeners"]) == 1


def test_another_word_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="--resume yes: unknown") as caught:
        TrainOptions(Path("run"), resume="yes")
    assert caught.value.hint == "one of no, auto"
