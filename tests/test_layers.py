"""The floors of the house: nothing imports upward, and only one room knows mmdetection."""

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = [
    ["errors", "files", "progress", "device", "cluster"],
    ["ranking"],
    ["losses", "sorters", "data", "models", "metrics"],
    ["recipes"],
    [
        "hub",
        "cards",
        "embedding",
        "search",
        "runs",
        "evaluation",
        "training",
        "index",
        "detection",
        "report",
        "tasks",
    ],
    ["serve", "quickstart", "experiments", "benchmarks", "export"],
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = {"mmdet": "detection", "mmengine": "detection", "mmcv": "detection", "faiss": "index"}
SOURCES = sorted((ROOT / "zoo").rglob("*.py")) + sorted((ROOT / "cli").rglob("*.py"))


def imports(path: Path) -> list[str]:
    """Every dotted name a file imports, at any depth."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return plain + [n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module]


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "zoo").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_imports_a_higher_floor(path: Path) -> None:
    if path.parts[-2] == "zoo" and path.name == "__init__.py":
        return  # the face of the package
    if path.is_relative_to(ROOT / "cli"):
        return  # the top floor
    level = FLOOR[room_of(path)]
    for name in imports(path):
        if name.startswith("cli"):
            pytest.fail(f"{path} imports {name}")
        if name.startswith("zoo."):
            target = name.split(".")[1]
            assert FLOOR[target] <= level, f"{path} imports {name}, a higher floor"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_packages_are_imported_in_one_room_only(path: Path) -> None:
    for name in imports(path):
        room = HEAVY.get(name.split(".")[0])
        if room is not None:
            assert path.is_relative_to(ROOT / "zoo" / room), f"{path} imports {name}"


def test_rooms_of_one_floor_form_no_circle() -> None:
    arrows: dict[str, set[str]] = {room: set() for room in FLOOR}
    for path in (p for p in SOURCES if p.is_relative_to(ROOT / "zoo")):
        if path == ROOT / "zoo" / "__init__.py":
            continue
        targets = {n.split(".")[1] for n in imports(path) if n.startswith("zoo.")}
        arrows[room_of(path)] |= targets - {room_of(path)}
    while leaves := [room for room, targets in arrows.items() if not targets & arrows.keys()]:
        for room in leaves:
            del arrows[room]
    assert not arrows, f"these rooms import each other: {sorted(arrows)}"


def house() -> ModuleType:
    """The measures of `tests/house.py`."""
    spec = importlib.util.spec_from_file_location("house", Path(__file__).with_name("house.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_files_form_no_circle() -> None:
    measures = house()
    assert measures.circles(measures.graph(ROOT)) == []


def test_the_command_that_trains_knows_no_data_model_or_loop_of_a_task() -> None:
    measures = house()
    opened = measures.reach(measures.graph(ROOT), "cli.train")
    rooms = {name.split(".")[1] for name in opened if name.startswith("zoo.")}
    assert not rooms & {"data", "models", "evaluation", "search", "report", "cards"}


def test_who_trains_embedders_opens_no_room_of_detectors_or_servers() -> None:
    measures = house()
    arrows = measures.graph(ROOT)
    opened = measures.reach(arrows, "cli.train") | measures.reach(arrows, "zoo.training.embedders")
    rooms = {name.split(".")[1] for name in opened if name.startswith("zoo.")}
    assert not rooms & {"detection", "index", "serve", "export", "experiments", "benchmarks"}
