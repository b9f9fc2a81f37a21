"""Would the tests notice? Change the code in one place, run its room's fast tests, count.

    python -m tests.mutation zoo/losses zoo/metrics/voc.py --sample 24 --seed 0
    python -m tests.mutation --since main --sample 8 --minutes 10

Works on a copy of the tree, one change at a time: an operator, a comparison, a number, a flag, a
condition, a returned value, a statement that is only called. The tests that ran the line run, of
those that know the file, its room's among them; with `--far` those of the files that import it too
(see tests/mutation_tests.py). A survivor that no test could or should notice is listed in HARMLESS
with the reason, and counts for nothing. `--since` draws from the files that differ from a revision.
(mutmut leaves out defaults, module constants and decorated functions; cosmic-ray makes 5,139
changes of zoo/losses, most of them ill-typed operators, and removes no statement.)
"""

import argparse
import hashlib
import math
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tests.mutation_changes import Mutation, mutations
from tests.mutation_harmless import HARMLESS
from tests.mutation_lines import reaching
from tests.mutation_run import run_tests
from tests.mutation_since import allowed, touched
from tests.mutation_tests import far, near, room_of

ROOT = Path(__file__).parents[1]
COPIED = ("zoo", "cli", "tests", "model_cards", ".github", "pyproject.toml", "README.md")


class Trial:
    """A copy of the tree in which one file at a time is changed and the tests that know it run."""

    def __init__(self, root: Path, *, far: bool = False) -> None:
        self.root, self.runs, self.far = root, 0, far
        self.limit: int | None = None  # seconds: a change may make a test endless
        self.record = root / "lines.json"  # which test runs which line
        for name in COPIED:
            source, ignored = ROOT / name, shutil.ignore_patterns("__pycache__")
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=ignored)
            else:
                shutil.copy(source, root / name)

    def notices(self, mutation: Mutation) -> bool:
        """Whether a test fails, or the time runs out, with the change."""
        path = self.root / mutation.file
        original = path.read_bytes()
        self._write(path, mutation.applied(original))
        try:
            return not self.passes(mutation.file, mutation.line)
        finally:
            self._write(path, original)

    def begin(self, files: Sequence[str]) -> bool:
        """Whether the tests of some files pass as they are; a change then has thrice as long."""
        started = time.monotonic()
        tests = [test for file in files for test in self._tests(file)]
        passed = not tests or run_tests(tests, self.root, None, self.record)
        self.limit = max(60, 3 * round(time.monotonic() - started))
        return passed

    def passes(self, file: str, line: int = 0) -> bool:
        """Whether the tests that ran a line pass; of a line that none ran, those near its file."""
        tests = reaching(self.record, file, line) if self.record.exists() else []
        if tests:
            return run_tests(tests, self.root, self.limit)
        known = self._tests(file)  # the nearest alone first, as it starts sooner
        return all(run_tests(some, self.root, self.limit) for some in (known[:1], known) if some)

    def _tests(self, file: str) -> list[Path]:
        return [*near(file, self.root), *(far(file, self.root) if self.far else [])]

    def _write(self, path: Path, source: bytes) -> None:
        """Write with a time of its own: compiled files are known by it, in whole seconds."""
        self.runs += 1
        path.write_bytes(source)
        os.utime(path, (self.runs, self.runs))


def sources(paths: Sequence[str]) -> list[str]:
    """Return the Python files under some files and folders, relative to the root."""
    found = [ROOT / path for path in paths]
    files = [f for p in found for f in (sorted(p.rglob("*.py")) if p.is_dir() else [p])]
    return [f.resolve().relative_to(ROOT).as_posix() for f in files if f.suffix == ".py"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print survivors as they are found, then a table by room; 1 if a room has too many."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if bool(options.paths) == bool(options.since):
        parser.error("name files and folders, or --since REV")
    try:
        chosen = _chosen(options)
        with tempfile.TemporaryDirectory() as folder:
            trial = Trial(Path(folder), far=options.far)
            counts = tried(trial, chosen, time.monotonic() + 60 * options.minutes)
    except ValueError as error:
        parser.error(str(error))
    rows = [count.row(room) for room, count in counts.items()]
    if left := len(chosen) - sum(count.total for count in counts.values()):
        rows.append(f"not tried, the time was over: {left}")
    print("\n".join(rows or ["nothing to change"]))  # noqa: T201
    return int(any(count.survived > allowed(room, count.seen) for room, count in counts.items()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("paths", nargs="*", help="files or folders under zoo/ or cli/")
    parser.add_argument("--since", metavar="REV", help="instead: the files that differ from it")
    parser.add_argument("--sample", type=int, help="changes drawn a path, or of all that differ")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no change after")
    parser.add_argument("--match", action="append", help="only changes whose name holds this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--far", action="store_true", help="also the tests of files that use it")
    return parser


def _chosen(options: argparse.Namespace) -> list[Mutation]:
    draws = [touched(options.since, ROOT)] if options.since else [[p] for p in options.paths]
    chosen = [m for paths in draws for m in drawn(paths, options.sample, options.seed)]
    return [m for m in chosen if any(text in m.name for text in options.match or [""])]


@dataclass
class Count:
    """What became of the changes of a room."""

    noticed: int = 0
    survived: int = 0
    harmless: int = 0

    @property
    def seen(self) -> int:
        """How many say something of the tests."""
        return self.noticed + self.survived

    @property
    def total(self) -> int:
        """How many were tried."""
        return self.seen + self.harmless

    def row(self, room: str) -> str:
        """Return the room's line of the table."""
        harmless = f", {self.harmless} harmless" if self.harmless else ""
        limit = f", {allowed(room, self.seen)} may survive"
        return f"{room:<12} noticed {self.noticed} of {self.seen}{limit}{harmless}"


def tried(trial: Trial, chosen: Sequence[Mutation], until: float) -> dict[str, Count]:
    """Try changes, room by room, and print each that survives; none after `until` but one.

    Raises:
        ValueError: the tests of a room fail as they are.
    """
    counts: dict[str, Count] = {}
    for room, group in groupby(sorted(chosen, key=_room), key=_room):
        if counts and time.monotonic() > until:
            break
        changes, count = list(group), counts.setdefault(room, Count())
        if not trial.begin([m.file for m in changes]):
            raise ValueError(f"the tests of {room} fail without any change")
        for mutation in changes:
            if count.total and time.monotonic() > until:
                break
            word = _outcome(trial, mutation)
            setattr(count, word, getattr(count, word) + 1)
            if word != "noticed":
                print(f"{word}, line {mutation.line}: {mutation.name}", flush=True)  # noqa: T201
    return counts


def _outcome(trial: Trial, mutation: Mutation) -> str:
    if trial.notices(mutation):
        return "noticed"
    return "harmless" if mutation.name in HARMLESS else "survived"


def _room(mutation: Mutation) -> str:
    return room_of(mutation.file) or mutation.file


def drawn(paths: Sequence[str], sample: int | None, seed: int) -> list[Mutation]:
    """Draw by each change's own number, so that a line more elsewhere leaves the others drawn."""
    every = [m for file in sources(paths) for m in mutations(file, (ROOT / file).read_text())]
    seen = Counter[str]()
    numbers: dict[Mutation, bytes] = {}
    for mutation in every:
        seen[mutation.name] += 1
        text = f"{seed} {seen[mutation.name]} {mutation.name}"
        numbers[mutation] = hashlib.sha256(text.encode()).digest()
    return sorted(every, key=numbers.__getitem__)[:sample]


if __name__ == "__main__":
    sys.exit(main())
