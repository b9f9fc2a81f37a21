"""JSON and YAML are read in one place, bounded and typed: no file of ours is a traceback."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
READERS = {("json", "load"), ("json", "loads"), ("yaml", "load"), ("yaml", "safe_load")}
EXCEPTIONS = {
    "zoo/files/reading.py": "the place",
    "zoo/cards/parsed.py": "a cache of our own, whose hash has just been compared",
    "zoo/benchmarks/serve.py": "an answer of our own server, made a moment before",
}


def readers(path: Path) -> Iterator[str]:
    """Every call in a file that parses JSON or YAML by itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(ast.Name(module), name) if (module, name) in READERS:
                yield f"{path.relative_to(ROOT).as_posix()} line {node.lineno}"
            case ast.ImportFrom(module) if module in {"json", "yaml"}:
                yield f"{path.relative_to(ROOT).as_posix()} line {node.lineno}"


def test_json_and_yaml_are_read_by_the_typed_reader_alone() -> None:
    sources = [*(ROOT / "zoo").rglob("*.py"), *(ROOT / "cli").rglob("*.py")]
    found = [place for path in sources for place in readers(path)]
    assert {place.split(" line ")[0] for place in found} == EXCEPTIONS.keys(), found
