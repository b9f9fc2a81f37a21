"""Which test runs which line: recorded once, so that a change is tried by the tests that reach it.

A test that reads a signature has run its `def`, and what a shared fixture ran, each of its tests
has. What a function of ours keeps in a cache is forgotten before each test, or its first caller
alone had run it. What runs in another process, or when a module is imported, is in nobody's record.
"""

import functools
import inspect
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

Ran = defaultdict[str, set[int]]  # lines by file
SIGNATURE = inspect.signature.__code__


class Recorder:
    """A pytest plugin that writes, for each test, its seconds and the lines of ours it ran."""

    def __init__(self, root: Path, out: Path) -> None:
        self.out, self.ours = out, tuple(f"{root.resolve() / name}/" for name in ("zoo", "cli"))
        self.root = root.resolve()
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, list[Ran]] = {}
        self.shared: dict[pytest.FixtureDef[Any], Ran] = {}
        self.ran: Ran = defaultdict(set)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Watch one test, its fixtures too."""
        self.ran = defaultdict(set)
        _forget()
        started, before = time.perf_counter(), sys.gettrace()
        threading.settrace(self._call)
        sys.settrace(self._call)
        try:
            return (yield)
        finally:
            sys.settrace(before)
            threading.settrace(before)
            self.seconds[item.nodeid] = time.perf_counter() - started
            used = (f for every in _fixtures(item).values() for f in every if f in self.shared)
            self.lines[item.nodeid] = [self.ran, *(self.shared[fixture] for fixture in used)]

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[Any]:
        """Keep apart what a fixture runs for several tests: only the first of them waits for it."""
        if fixturedef.scope == "function":
            return (yield)
        before, self.ran = self.ran, self.shared.setdefault(fixturedef, defaultdict(set))
        try:
            return (yield)
        finally:
            self.ran = before

    def _call(self, frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code is SIGNATURE:
            self._read(frame.f_locals["obj"])
        in_function = frame.f_code.co_flags & inspect.CO_OPTIMIZED  # else in a module or class
        if not in_function or not frame.f_code.co_filename.startswith(self.ours):
            return None
        self.ran[frame.f_code.co_filename].add(frame.f_lineno)  # of `def`, where defaults stand
        return self._line

    def _line(self, frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            self.ran[frame.f_code.co_filename].add(frame.f_lineno)
        return self._line

    def _read(self, what: Any) -> None:
        """Note the `def` of what a signature is read of."""
        named: Any = what.__dict__.get("__init__") if isinstance(what, type) else what
        made = inspect.unwrap(named) if callable(named) else None
        code = getattr(made, "__code__", None)
        if code is not None and code.co_filename.startswith(self.ours):
            self.ran[code.co_filename].add(code.co_firstlineno)

    def pytest_sessionfinish(self) -> None:
        """Write the record."""
        found = {
            t: [round(self.seconds[t], 3), self._joined(rans)] for t, rans in self.lines.items()
        }
        self.out.write_text(json.dumps(found))

    def _joined(self, rans: list[Ran]) -> dict[str, list[int]]:
        files = {file for ran in rans for file in ran}
        return {
            str(Path(file).relative_to(self.root)): sorted(set().union(*(r[file] for r in rans)))
            for file in files
        }


def _forget() -> None:
    """Empty the caches of our functions."""
    ours = (m for name, m in list(sys.modules.items()) if name.partition(".")[0] in ("zoo", "cli"))
    for kept in [value for module in ours for value in vars(module).values()]:
        if isinstance(kept, functools._lru_cache_wrapper):
            kept.cache_clear()


def _fixtures(item: pytest.Item) -> dict[str, Any]:
    info = getattr(item, "_fixtureinfo", None)  # a doctest's, a function's; else there are none
    return {} if info is None else info.name2fixturedefs


def reaching(record: Path, file: str, line: int) -> list[str]:
    """Return the tests that ran a line, by a `Recorder`'s file; the fastest first."""
    found = json.loads(record.read_text())
    tests = [(s, test) for test, (s, ran) in found.items() if line in ran.get(file, ())]
    return [test for _, test in sorted(tests)]
