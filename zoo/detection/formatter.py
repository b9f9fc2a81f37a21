"""The formatter that mmengine imports, yapf, beside other processes that import it too.

yapf 0.43 keeps its grammar in the user's cache and gives the file its name before what it wrote is
flushed: of the processes of one training, on a machine's first, one may read an empty file and die
of it; and so does every later one where such a file has stayed.
"""

import importlib
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError

from zoo.errors import UnavailableError

# Each try but the first makes the grammar anew, so that only a file which another process names
# between two statements stops it: one of ten is plenty, and a try takes a tenth of a second.
TRIES = 10


def import_formatter() -> None:
    """Import yapf, without its kept grammar where that cannot be read.

    Raises:
        UnavailableError: the kept grammar cannot be read, however often it is made anew.
    """
    for _ in range(TRIES):
        try:
            importlib.import_module("yapf")
            return
        except (EOFError, UnpicklingError, FileNotFoundError) as error:
            unread = error
            _forget_grammar()
    raise UnavailableError(
        f"yapf, which mmdetection imports, cannot read its own cache: {unread}",
        f"delete the folder {_cache()}",
    ) from unread


def _forget_grammar() -> None:
    for kept in _cache().rglob("*.pickle"):
        with suppress(OSError):  # gone, or in a home that cannot be written: told in the end
            kept.unlink()


def _cache() -> Path:
    from platformdirs import user_cache_dir  # it comes with yapf

    return Path(user_cache_dir("YAPF", "Google"))
