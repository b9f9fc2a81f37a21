"""Pickles that public sets are distributed as, read without trusting them."""

import io
import pickle
from typing import IO, Any

from zoo.errors import IntegrityError

SAFE = {
    *((module, name) for module in ("builtins", "__builtin__") for name in ("set", "frozenset")),
    *(
        (f"numpy.{core}.multiarray", name)
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ),
    *(("numpy", name) for name in ("ndarray", "dtype")),
    ("_codecs", "encode"),
}


class _Restricted(pickle.Unpickler):
    """Builds lists, dictionaries, numbers, text and numpy arrays; refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in SAFE:
            raise pickle.UnpicklingError(f"asks for {module}.{name}")
        return super().find_class(module, name)


def safe_unpickle(file: IO[bytes] | io.BytesIO, where: str) -> Any:
    """Read a pickle that may hold only plain data and numpy arrays.

    Raises:
        IntegrityError: it asks for anything that could run code, or is damaged.
    """
    try:
        return _Restricted(file, encoding="latin1").load()
    except Exception as error:  # a hostile pickle raises what it likes
        raise IntegrityError(
            f"{where}: refused, {error}", "download it again from its source"
        ) from None
