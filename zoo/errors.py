"""What can go wrong, by exit code: every message says what, where, and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


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


def nearest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Return the known names that a person may have meant, best first: none where none is near."""
    return get_close_matches(name, list(known), n=count)


def suggestion(name: str, known: Iterable[str], otherwise: str = "", count: int = 1) -> str:
    """Return the hint for a name that is not known: what is near, else `otherwise`, else all.

    >>> suggestion("smooth_app", ["fast_ap", "smooth_ap"]), suggestion("nosuch", ["sup_hap"])
    ('did you mean smooth_ap?', 'known: sup_hap')
    """
    listed = list(known)
    if near := nearest(name, listed, count):
        return f"did you mean {', '.join(near)}?"
    return otherwise or f"known: {', '.join(listed)}"
