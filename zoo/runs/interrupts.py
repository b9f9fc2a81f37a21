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
        self.watch()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def watch(self) -> None:
        """Begin to note signals, where this thread may."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before.setdefault(number, signal.signal(number, self._note))

    def release(self) -> None:
        """Give the signals back to whom they belonged; once more does nothing."""
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.raised and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.raised = True
