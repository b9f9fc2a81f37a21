"""What `rankzoo train` is told beside the recipe, whatever is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from zoo.device import pick_device
from zoo.errors import UsageError
from zoo.progress import Track, silent
from zoo.runs.record import Listener
from zoo.runs.trackers import check_trackers


class RunKeywords(TypedDict, total=False):
    """The keywords that every function that trains takes: the fields of `RunOptions`."""

    device: str
    workers: int
    seed: int
    resume: bool
    track: Track
    listeners: Sequence[Listener]
    trackers: Sequence[str]
    command: str
    compare: bool


@dataclass(frozen=True)
class RunOptions:
    """How a run is carried out; none of it is part of the recipe.

    With `resume` a run found in the folder goes on from its last checkpoint and ends with the same
    weights, bit for bit on the CPU, as if it had never stopped. `listeners` are told every row of
    the record. `trackers` are names of `TRACKERS` (none: TensorBoard where it is installed).
    `command` is the line that asked for the run, kept for its card. With `compare` the untrained
    start is measured too, where that costs little beside the training.
    """

    device: str = "cpu"
    workers: int = 0
    seed: int = 0
    resume: bool = False
    track: Track = silent
    listeners: Sequence[Listener] = ()
    trackers: Sequence[str] = ()
    command: str = ""
    compare: bool = False


@dataclass(frozen=True)
class TrainOptions:
    """Where the data is, where the run goes, and how it is carried out.

    resume: "auto" goes on with the run that is in `out`, if there is one; "no" starts anew.
    on_bad_image: "fail", or "skip" leaves it out and lists it.
    trackers: names of `zoo.runs.trackers.TRACKERS`, or "none".
    device: "auto", or a name of torch's.
    command: the line that a person typed, kept for the card of the run.

    Raises:
        UsageError: a word that is none of these.
    """

    out: Path
    data: Path | None = None
    seed: int = 0
    resume: str = "no"
    on_bad_image: Literal["fail", "skip"] = "fail"
    device: str = "auto"
    workers: int = 0
    offline: bool = False
    trackers: tuple[str, ...] = ()
    command: str = ""

    def __post_init__(self) -> None:
        _require("--resume", self.resume, ("no", "auto"))
        _require("--on-bad-image", self.on_bad_image, ("fail", "skip"))
        check_trackers(self.trackers)

    def carried_out(self, track: Track, listeners: Sequence[Listener] = ()) -> RunKeywords:
        """Return the keywords of the functions that train."""
        return {
            "device": str(pick_device(self.device)),
            "workers": self.workers,
            "seed": self.seed,
            "resume": self.resume == "auto",
            "track": track,
            "listeners": listeners,
            "trackers": self.trackers,
            "command": self.command,
            "compare": True,
        }


def _require(flag: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{flag} {value}: unknown", f"one of {', '.join(allowed)}")
