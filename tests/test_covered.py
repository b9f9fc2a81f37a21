"""The table of coverage counts each file in its room, once, and all of them."""

from tests.covered import table


def test_rooms_are_sums_of_their_files_the_least_covered_first() -> None:
    files = {
        "cli/index/build.py": (3, 4),
        "cli/train.py": (3, 4),
        "zoo/losses/a.py": (1, 2),
        "zoo/losses/__init__.py": (0, 0),
        "zoo/files.py": (9, 10),
        "zoo/tasks.py": (10, 10),
    }
    report = {
        "files": {
            file: {"summary": {"covered_lines": ran, "num_statements": lines}}
            for file, (ran, lines) in files.items()
        }
    }
    assert [" ".join(row.split()) for row in table(report)] == [
        "losses 1 of 2 lines 50.0 %",
        "cli 6 of 8 lines 75.0 %",
        "zoo/*.py 19 of 20 lines 95.0 %",
        "all 26 of 30 lines 86.7 %",
    ]


def test_an_empty_room_is_covered() -> None:
    summary = {"covered_lines": 0, "num_statements": 0}
    (row, _) = table({"files": {"zoo/losses/__init__.py": {"summary": summary}}})
    assert row.endswith("100.0 %")
