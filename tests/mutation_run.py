"""Tests of another tree in a child of a process that has imported the heavy packages already."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.mutation_lines import Recorder

# What most tests import and no change is made in; `zoo`, `cli` and `tests` are the tree's own.
HEAVY = [
    "pytest",
    "torch",
    "torchvision",
    "timm",
    "faiss",
    "scipy.stats",
    "sklearn",
    "transformers",
]
OURS = ("zoo", "cli", "tests")


def run_tests(
    tests: Sequence[Path | str], root: Path, seconds: int | None, record: Path | None = None
) -> bool:
    """Whether the tests of the tree at `root` pass, until the first that does not.

    `record` is where to write which test runs which line. `seconds` of processor time end an
    endless loop whatever else the machine does; ten times as long by the clock end what waits for
    nothing.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(HEAVY)
    paths = list(dict.fromkeys(map(str, tests)))
    child = context.Process(target=_child, args=(paths, root, seconds, record))
    child.start()
    child.join(10 * seconds if seconds else None)
    _end(child)
    return child.exitcode in (0, 5)  # all pass, or none is for a machine like this


def _child(tests: list[str], root: Path, seconds: int | None, record: Path | None) -> None:
    os.setsid()
    if seconds:
        import resource  # Windows has none

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    os.chdir(root)
    os.environ["PYTHONPATH"] = str(root)
    here = str(Path(__file__).parents[1])
    sys.path[:] = [str(root), *(path for path in sys.path if path not in ("", str(root), here))]
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    import pytest

    early = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
    plugins = [] if record is None else [Recorder(root, record)]
    words = ["-n", "0", "-x", "-p", "no:cacheprovider", "-W", early, *tests]
    sys.exit(pytest.main(words, plugins=plugins))


def _end(child: BaseProcess) -> None:
    """End a child that is late with all it started."""
    if child.is_alive() and child.pid is not None:
        os.killpg(child.pid, signal.SIGKILL)
        child.join()
