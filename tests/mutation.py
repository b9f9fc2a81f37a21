"""Would the tests notice? Change the code in one place, run its room's fast tests, count.

    python -m tests.mutation zoo/losses zoo/metrics/voc.py --sample 24 --seed 0

Works on a copy of the tree, one change at a time: an operator, a comparison, a number, a flag, a
condition, a returned value, a statement that is only called. Annotations, decorators, texts and
what is raised or asserted stay as they are. The tests that know the file run, its room's among
them; with `--far` those of the files that import it too (see tests/mutation_tests.py). A survivor
that no test could or should notice is listed in HARMLESS with the reason, and counts for nothing.
(mutmut leaves out defaults, module constants and decorated functions; cosmic-ray makes 5,139
changes of zoo/losses, most of them ill-typed operators, and removes no statement.)
"""

import argparse
import ast
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from tests.mutation_harmless import HARMLESS
from tests.mutation_run import run_tests
from tests.mutation_tests import far, near, room_of

ROOT = Path(__file__).parents[1]
COPIED = ("zoo", "cli", "tests", "model_cards", "pyproject.toml", "README.md")
# zip's guard says what holds already, as an assertion does; torch's sort on a CPU is always stable.
UNSEEN = ("strict", "stable")
OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True)
class Mutation:
    """One change of one file: what stands from `start` to `end` (bytes) becomes `after`."""

    file: str
    line: int
    text: str
    start: int
    end: int
    before: str
    after: str
    twin: int = 1  # its number among the changes of this line that read alike

    @property
    def name(self) -> str:
        """What HARMLESS and the report call it; no line number, which would not last."""
        twin = f" ({self.twin})" if self.twin > 1 else ""
        return f"{self.file}: `{self.text}`: {self.before} -> {self.after}{twin}"

    def applied(self, source: bytes) -> bytes:
        """Return the file's source with the change."""
        return source[: self.start] + self.after.encode() + source[self.end :]


def mutations(file: str, source: str) -> list[Mutation]:
    """List every change of a file's source, in the order of the source."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node in _changeable(ast.parse(source)):
        if not isinstance(node, ast.expr | ast.stmt) or node.end_lineno is None:
            continue
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + (node.end_col_offset or 0)
        before, text = ast.unparse(node), source.splitlines()[node.lineno - 1].strip()
        found += [Mutation(file, node.lineno, text, start, end, before, a) for a in _changes(node)]
    seen: Counter[tuple[int, str, str]] = Counter()
    twins = []
    for change in sorted(found, key=lambda m: (m.start, m.end, m.after)):
        seen[alike := (change.line, change.before, change.after)] += 1
        twins.append(replace(change, twin=seen[alike]))
    return twins


def _changeable(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk the tree without annotations, decorators, errors, imports, texts and guards."""
    if isinstance(tree, ast.Raise | ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert):
        return
    if isinstance(tree, ast.keyword) and tree.arg in UNSEEN:
        return
    yield tree
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _changeable(child)


def _changes(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.BinOp(op=op) | ast.BoolOp(op=op) if type(op) in OTHER:
            yield _with(node, op=OTHER[type(op)]())
        case ast.Compare(ops=ops):
            for place, old in enumerate(ops):
                yield _with(node, ops=[*ops[:place], OTHER[type(old)](), *ops[place + 1 :]])
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            yield f"({ast.unparse(operand)})"
        case ast.Constant(value=bool() as flag):
            yield str(not flag)
        case ast.Constant(value=int() as number):
            yield str(number + 1)
        case ast.Constant(value=float() as number):
            yield repr(2 * number or 1.0)
        case ast.IfExp():
            yield _with(node, body=node.orelse, orelse=node.body)
        case ast.Return(value=ast.expr()):
            yield "return None"
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield "pass"


def _with(node: ast.expr, **fields: object) -> str:
    changed = copy(node)
    for field, value in fields.items():
        setattr(changed, field, value)
    return f"({ast.unparse(changed)})"


class Trial:
    """A copy of the tree in which one file at a time is changed and the tests that know it run."""

    def __init__(self, root: Path, *, far: bool = False) -> None:
        self.root, self.runs, self.far = root, 0, far
        self.limit: int | None = None  # seconds: a change may make a test endless
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
            return not self.passes(mutation.file)
        finally:
            self._write(path, original)

    def begin(self, files: Sequence[str]) -> bool:
        """Whether the tests of some files pass as they are; a change then has thrice as long."""
        started = time.monotonic()
        passed = self._passes([test for file in files for test in self._tests(file)])
        self.limit = max(60, 3 * round(time.monotonic() - started))
        return passed

    def passes(self, file: str) -> bool:
        """Whether the tests that know a file pass: the nearest alone first, as it starts sooner."""
        tests = self._tests(file)
        return self._passes(tests[:1]) and self._passes(tests)

    def _tests(self, file: str) -> list[Path]:
        return [*near(file, self.root), *(far(file, self.root) if self.far else [])]

    def _passes(self, tests: Sequence[Path]) -> bool:
        return not tests or run_tests(tests, self.root, self.limit)

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
    """Print survivors as they are found, then a table by room; 1 if too few were noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("paths", nargs="+", help="files or folders under zoo/")
    parser.add_argument("--sample", type=int, help="changes drawn a path (default: all)")
    parser.add_argument("--match", action="append", help="only changes whose name holds this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--far", action="store_true", help="also the tests of files that use it")
    parser.add_argument("--least", type=float, default=0.0, help="share that must be noticed")
    options = parser.parse_args(arguments)
    chosen = [m for path in options.paths for m in drawn(path, options.sample, options.seed)]
    if options.match:
        chosen = [m for m in chosen if any(text in m.name for text in options.match)]
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])  # noticed, survived, harmless
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), far=options.far)
        for room, group in groupby(sorted(chosen, key=_room), key=_room):
            changes = list(group)
            if not trial.begin([m.file for m in changes]):
                parser.error(f"the tests of {room} fail without any change")
            for mutation in changes:
                outcome = 0 if trial.notices(mutation) else 2 if mutation.name in HARMLESS else 1
                counts[room][outcome] += 1
                if outcome:
                    word = "survived" if outcome == 1 else "harmless"
                    print(f"{word}, line {mutation.line}: {mutation.name}", flush=True)  # noqa: T201
    for room, (noticed, survived, harmless) in counts.items():
        tail = f", {harmless} harmless" if harmless else ""
        print(f"{room:<12} noticed {noticed} of {noticed + survived}{tail}")  # noqa: T201
    enough = all(n >= options.least * (n + s) for n, s, _ in counts.values())
    return 0 if enough else 1


def _room(mutation: Mutation) -> str:
    return room_of(mutation.file) or mutation.file


def drawn(path: str, sample: int | None, seed: int) -> list[Mutation]:
    """Draw by each change's own number, so that a line more elsewhere leaves the others drawn."""
    every = [m for file in sources([path]) for m in mutations(file, (ROOT / file).read_text())]
    seen = Counter[str]()
    numbers: dict[Mutation, bytes] = {}
    for mutation in every:
        seen[mutation.name] += 1
        text = f"{seed} {seen[mutation.name]} {mutation.name}"
        numbers[mutation] = hashlib.sha256(text.encode()).digest()
    return sorted(every, key=numbers.__getitem__)[:sample]


if __name__ == "__main__":
    sys.exit(main())
