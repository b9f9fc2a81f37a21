"""Ctrl-C and SIGTERM as a request: finish the step, save, then stop."""

import signal
import threading
from types import FrameType


class Interrupts:
    """Within the block, a first signal only sets `raised`; a second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self.raised = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.raised and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.raised = True
