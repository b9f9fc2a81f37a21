"""One table: how many lines of each room the fast tests run. `just coverage` pipes its JSON in.

coverage run -m pytest && coverage combine && coverage json -o - | python -m tests.covered
"""

import json
import sys
from collections import defaultdict
from typing import Any

from tests.mutation_tests import room_of


def table(report: Any) -> list[str]:
    """Return a line a room, the least covered first, then one of all; `report` is coverage's."""
    rooms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for file, found in report["files"].items():
        for room in (room_of(file) or "zoo/*.py", "all"):
            rooms[room][0] += found["summary"]["covered_lines"]
            rooms[room][1] += found["summary"]["num_statements"]
    everything = rooms.pop("all", [0, 0])
    rows = sorted(rooms.items(), key=lambda row: _share(*row[1]))
    return [_row(room, *counts) for room, counts in [*rows, ("all", everything)]]


def _share(ran: int, lines: int) -> float:
    return 100 * ran / lines if lines else 100.0


def _row(room: str, ran: int, lines: int) -> str:
    return f"{room:<12} {ran:>6} of {lines:>6} lines  {_share(ran, lines):5.1f} %"


if __name__ == "__main__":
    print("\n".join(table(json.load(sys.stdin))))  # noqa: T201
