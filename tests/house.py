"""The figures of the house: size, rooms, wide functions, repeated names, circles, reach.

`python tests/house.py` measures the tree it stands in; `python tests/house.py DIR` another
checkout. Imports are followed as written, at any depth of a function, without running anything.
"""

import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

Graph = dict[str, set[str]]
FUNCTIONS = ast.FunctionDef, ast.AsyncFunctionDef
WIDE = 5  # parameters a function may have before it wants an options value
START = "cli.train"  # what `rankzoo train photos` opens first


def sources(root: Path) -> list[Path]:
    """Return every source file of the package and its command line."""
    return sorted(p for room in ("zoo", "cli") for p in (root / room).rglob("*.py"))


def module_of(path: Path, root: Path) -> str:
    """Return the dotted name of a file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, known: set[str], *, top_level: bool = False) -> set[str]:
    """Return the modules of the house that a file imports, at any depth or at its top level."""
    found: set[str] = set()
    for node in _statements(tree) if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & known or {node.module}
    return found & known


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        yield node
        if isinstance(node, ast.If | ast.Try) and "TYPE_CHECKING" not in ast.dump(node):
            yield from _statements(node)


def graph(root: Path, *, top_level: bool = False) -> Graph:
    """Return which module imports which; a package counts as its `__init__`."""
    names = {module_of(path, root): path for path in sources(root)}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in names.items()}
    return {
        name: imported(tree, set(names), top_level=top_level) - {name}
        for name, tree in trees.items()
    }


def circles(arrows: Graph) -> list[list[str]]:
    """Return the groups of modules that import each other (Tarjan's components)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for target in sorted(arrows.get(name, ())):
            if target not in number:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], number[target])
        if low[name] == number[name]:
            place = stack.index(name)
            group = stack[place:]
            del stack[place:]
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(arrows):
        if name not in number:
            visit(name)
    return found


def reach(arrows: Graph, start: str) -> set[str]:
    """Return every module that `start` imports, directly or not, with their packages."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [*arrows.get(name, ()), *_packages(name, arrows)]
    return seen


def _packages(name: str, arrows: Graph) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts)) if ".".join(parts[:k]) in arrows]


def wide_functions(root: Path) -> list[str]:
    """Return the functions with more than five parameters, `self` and `cls` not counted."""
    return [
        f"{path.relative_to(root)}:{node.name}"
        for path in sources(root)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, FUNCTIONS) and _width(node) > WIDE
    ]


def style(root: Path) -> dict[str, object]:
    """Return the measures by which other code bases were read: `__init__.py` is left out."""
    files = [path for path in sources(root) if path.name != "__init__.py"]
    texts = [path.read_text(encoding="utf-8") for path in files]
    trees = [ast.parse(text) for text in texts]
    each = [[n for n in ast.walk(tree) if isinstance(n, FUNCTIONS)] for tree in trees]
    functions = [node for found in each for node in found]
    public = [node for node in functions if not node.name.startswith("_")]
    lines = [len(text.splitlines()) for text in texts]
    lengths = [(node.end_lineno or 0) - node.lineno + 1 for node in functions]
    widths = [_width(node) for node in functions]
    return {
        "lines a file, median and p90": (_share(lines, 0.5), _share(lines, 0.9)),
        "functions a file, median": _share([len(found) for found in each], 0.5),
        "lines a function, median and p90": (_share(lengths, 0.5), _share(lengths, 0.9)),
        "parameters a function, median and p90": (_share(widths, 0.5), _share(widths, 0.9)),
        "public functions documented": _part([bool(ast.get_docstring(n)) for n in public]),
        "functions with a typed return": _part([n.returns is not None for n in functions]),
        "comment lines": round(sum(map(_comments, texts)) / sum(lines), 3),
        "files of more than 400 lines": sum(count > 400 for count in lines),
        "functions of more than 60 lines": sum(length > 60 for length in lengths),
    }


def _width(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [a.arg for a in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
    return len([name for name in names if name not in ("self", "cls")])


def _share(values: list[int], quantile: float) -> int:
    return sorted(values)[min(len(values) - 1, int(quantile * len(values)))]


def _part(values: list[bool]) -> float:
    return round(sum(values) / max(1, len(values)), 3)


def _comments(text: str) -> int:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT for token in tokens)


def room_lines(root: Path) -> dict[str, int]:
    """Return the lines of each room, the largest first; `zoo` counts the loose modules."""
    found: Counter[str] = Counter()
    for path in sources(root):
        parts = path.relative_to(root).parts
        room = parts[1] if parts[0] == "zoo" and len(parts) > 2 else parts[0]
        found[room] += len(path.read_text(encoding="utf-8").splitlines())
    return dict(found.most_common())


def figures(root: Path) -> dict[str, object]:
    """Return the measures of `house.md`, by name."""
    files = sources(root)
    rooms = [p for p in (root / "zoo").iterdir() if (p / "__init__.py").exists()]
    loose = [p for p in (root / "zoo").glob("*.py") if p.name != "__init__.py"]
    names = Counter(p.name for p in files if p.name != "__init__.py")
    lines = sum(len(p.read_text(encoding="utf-8").splitlines()) for p in files)
    tests = sum(
        len(p.read_text(encoding="utf-8").splitlines()) for p in (root / "tests").rglob("*.py")
    )
    return {
        "source lines": lines,
        "source files": len(files),
        "rooms": len(rooms),
        "loose modules": len(loose),
        "functions with more than 5 parameters": len(wide_functions(root)),
        "file names used three times or more": sorted(n for n, k in names.items() if k >= 3),
        "circles of files": circles(graph(root)),
        "circles of files, imports at their top": circles(graph(root, top_level=True)),
        "files that `rankzoo train` reaches": len(reach(graph(root), START)),
        "test lines": tests,
        "tests : source": round(tests / lines, 2),
    }


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    for name, value in {
        **figures(place),
        **style(place),
        "lines a room": room_lines(place),
    }.items():
        sys.stdout.write(f"{name}: {value}\n")
