"""MATLAB files, read in a process of their own: a damaged one ends SciPy's reader by SIGSEGV."""

import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.data.plain_pickle import safe_unpickle
from zoo.data.reader import need
from zoo.errors import DataError

LIMIT_S = 300  # the largest, SfM-120k's lists, take a few seconds
_CHILD = """
import pickle, sys
from scipy.io import loadmat
found = loadmat(sys.argv[1], variable_names=sys.argv[2:], simplify_cells=True)
pickle.dump({name: found[name] for name in sys.argv[2:]}, sys.stdout.buffer, protocol=4)
"""


def read_matlab(path: Path, names: Sequence[str], source: str) -> dict[str, Any]:
    """Return the variables called `names`; structures are dictionaries, cells are arrays.

    Raises:
        DataError: the file or a variable is missing, or it is no MATLAB file.
        IntegrityError: it holds more than data.
    """
    need(path, source)
    command = [sys.executable, "-I", "-c", _CHILD, str(path.absolute()), *names]
    try:
        child = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{path}: cannot be read in {LIMIT_S} s", source) from error
    if child.returncode:
        said = child.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[-1] if said and child.returncode > 0 else "it ends its reader"
        if reason in (f"KeyError: {name!r}" for name in names):
            raise DataError(f"{path}: holds no {reason[11:-1]}", source)
        raise DataError(f"{path}: not a MATLAB file: {reason}", source)
    found: dict[str, Any] = safe_unpickle(io.BytesIO(child.stdout), str(path))
    return found
