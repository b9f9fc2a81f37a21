"""Which test files would notice a change of a source file: by place, example, import, room."""

import ast
from functools import cache
from pathlib import Path


def near(file: str, root: Path) -> list[Path]:
    """Return the tests of a file: its own, its examples, those that import it, its room's."""
    place = Path(file)
    folder = Path("tests", *place.parts[1:-1]) if place.parts[0] == "zoo" else Path("tests/cli")
    own = root / folder / f"test_{place.stem}.py"
    room = root / "tests" / room_of(file)
    rooms = [room] if room != root / "tests" else []
    return _once([own, *_examples(file, root), *_importing({file}, root), *rooms])


def far(file: str, root: Path) -> list[Path]:
    """Return the tests that import a file which imports this one, without those near it."""
    users = {
        source.relative_to(root).as_posix()
        for source in sorted([*(root / "zoo").rglob("*.py"), *(root / "cli").rglob("*.py")])
        if file in imported(source, root)
    }
    known = near(file, root)
    folders = [path for path in known if path.is_dir()]
    found = _once(_importing(users, root))
    return [p for p in found if p not in known and not any(map(p.is_relative_to, folders))]


def _examples(file: str, root: Path) -> list[Path]:
    """Return the test of the examples in a file's docstrings, if it has some."""
    if ">>>" not in (root / file).read_text(encoding="utf-8"):
        return []
    module = ".".join(Path(file).with_suffix("").parts)
    return [root / f"tests/test_doctests.py::test_examples_hold[{module}]"]


def room_of(file: str) -> str:
    """Return the room of a file, the folder of its tests: `""` for those above all rooms."""
    parts = Path(file).parts
    return "cli" if parts[0] == "cli" else parts[1] if len(parts) > 2 else ""


def imported(path: Path, root: Path) -> frozenset[str]:
    """Return the files of the house that a file imports; what a package passes on, where it is."""
    return _imported(path, root, path.stat().st_mtime)


@cache
def _imported(path: Path, root: Path, _: float) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {file for alias in node.names if (file := _file(alias.name, root))}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f for a in node.names if (f := _origin(node.module, a.name, root))}
    return frozenset(found)


def _origin(module: str, name: str, root: Path) -> str | None:
    """Return the file a name comes from: a module of a package, or what its face imports."""
    file = _file(f"{module}.{name}", root) or _file(module, root)
    if file and file.endswith("__init__.py"):
        for node in ast.walk(ast.parse((root / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module != module:
                for alias in node.names:
                    if (alias.asname or alias.name) == name and node.module.startswith("zoo"):
                        return _origin(node.module, alias.name, root)
    return file


def _file(module: str, root: Path) -> str | None:
    if module.split(".")[0] not in ("zoo", "cli"):
        return None
    base = root.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path.relative_to(root).as_posix()
    return None


def _importing(files: set[str], root: Path) -> list[Path]:
    tests = sorted((root / "tests").rglob("test_*.py"))
    return [path for path in tests if files & imported(path, root)]


def _once(paths: list[Path]) -> list[Path]:
    return [path for path in dict.fromkeys(paths) if Path(str(path).partition("::")[0]).exists()]
