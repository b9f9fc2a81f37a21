"""What can go wrong, by exit code: every message says what, where, and what to do."""


class RankzooError(Exception):
    """An error meant for a person: one line of what and where, and a hint of what to do.

    `code` is the process's exit code when the error reaches the command line.
    """

    code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(hint)  # shown below the message where it is not caught


class UsageError(RankzooError):
    """A flag, configuration key or argument that cannot be (exit code 2)."""

    code = 2


class DataError(RankzooError):
    """Input data that is malformed or unreadable (exit code 3)."""

    code = 3


class UnavailableError(RankzooError):
    """Something not found, or out of reach of the network (exit code 4)."""

    code = 4


class IntegrityError(RankzooError):
    """A file whose content is not what was promised (exit code 5)."""

    code = 5


class InterruptedRunError(RankzooError):
    """Work stopped by a signal after its state was saved (exit code 130)."""

    code = 130


class DivergedError(RankzooError):
    """Training whose loss or weights are not finite, or whose output is zero (exit code 1)."""


def is_memory_full(error: BaseException) -> bool:
    """Whether an error is Python's, torch's or faiss's word for memory that cannot be had."""
    kind = isinstance(error, MemoryError) or "OutOfMemoryError" in type(error).__name__
    return kind or "can't allocate memory" in str(error)  # torch's words for GPU and CPU


def memory_full(what: str = "the memory is full") -> RankzooError:
    """Return what a person is told of memory that cannot be had."""
    return RankzooError(what, "ask for less at once, for example smaller batches")
