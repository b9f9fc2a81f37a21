"""The mutation check changes what it says and nothing else."""

from tests.mutation_changes import mutations

SOURCE = '''
"""Text: 1 + 1."""
LIMIT: int = 3
@cache(maxsize=4)
def share(x: "int | None", flag: bool = True) -> float:
    é = print("é", x)
    print(x)
    assert zip(x, x, strict=True)
    zip(x, x.sort(stable=True), strict=True)
    if x is None or not flag:
        raise ValueError(f"{x + 1}")
    return -x / (LIMIT - 1.5 if x < 2 else 7)
'''


def test_every_kind_of_change_is_made_once_and_texts_stay() -> None:
    found = [(m.line, m.before, m.after) for m in mutations("zoo/room/a.py", SOURCE)]
    assert set(found) == {
        (3, "3", "4"),
        (5, "True", "False"),
        (7, "print(x)", "pass"),
        (9, "zip(x, x.sort(stable=True), strict=True)", "pass"),
        (10, "x is None", "(x is not None)"),
        (9, "zip(x, x.sort(stable=True), strict=True)", "pass"),
        (10, "x is None or not flag", "(x is None and (not flag))"),
        (10, "not flag", "(flag)"),
        (12, "return -x / (LIMIT - 1.5 if x < 2 else 7)", "return None"),
        (12, "-x / (LIMIT - 1.5 if x < 2 else 7)", "(-x * (LIMIT - 1.5 if x < 2 else 7))"),
        (12, "-x", "(x)"),
        (12, "LIMIT - 1.5 if x < 2 else 7", "(7 if x < 2 else LIMIT - 1.5)"),
        (12, "LIMIT - 1.5", "(LIMIT + 1.5)"),
        (12, "1.5", "3.0"),
        (12, "x < 2", "(x <= 2)"),
        (12, "2", "3"),
        (12, "7", "8"),
    }
    assert len(found) == 16


def test_a_change_is_made_where_it_stands() -> None:
    for change in mutations("zoo/room/a.py", SOURCE):
        changed = change.applied(SOURCE.encode()).decode()
        compile(changed.replace("@cache(maxsize=4)\n", ""), "a.py", "exec")
        assert changed.count("\n") == SOURCE.count("\n")
        assert (
            sum(a != b for a, b in zip(changed.split("\n"), SOURCE.split("\n"), strict=True)) == 1
        )


def test_changes_of_a_line_that_read_alike_have_names_of_their_own() -> None:
    found = mutations("zoo/a.py", "range(1, x + 1)\nrange(1, x + 1)\n")
    ones = [m.name[len("zoo/a.py: `range(1, x + 1)`: ") :] for m in found if m.before == "1"]
    assert ones == ["1 -> 2", "1 -> 2 (2)"] * 2


def test_no_change_leaves_the_source_as_it_is() -> None:
    source = "def share(x):\n    if x:\n        return None\n    return x\n"
    assert [m.before for m in mutations("zoo/a.py", source)] == ["return x"]
