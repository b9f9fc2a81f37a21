"""Every small wrong change of a source file: what `tests/mutation.py` draws from.

Annotations, decorators, texts and what is raised or asserted stay as they are.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

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
        changes = [after for after in _changes(node) if after != before]
        found += [Mutation(file, node.lineno, text, start, end, before, a) for a in changes]
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
