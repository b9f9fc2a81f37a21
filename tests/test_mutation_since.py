"""The files that a change touched are found, and a room is judged as its draw allows."""

import math
import subprocess
from pathlib import Path

import pytest

from tests.mutation_since import ELSEWHERE, SURE, WANTED, allowed, touched


def git(root: Path, *words: str) -> None:
    settings = "user.name=A user.email=a@b.c init.defaultBranch=main commit.gpgSign=false"
    given = [word for each in settings.split() for word in ("-c", each)]
    subprocess.run(["git", *given, *words], cwd=root, check=True, capture_output=True)


def committed(root: Path) -> None:
    """Make a folder a clone, if it is none, with all that it holds."""
    git(root, "init")
    git(root, "add", "--all")
    git(root, "commit", "--message", "What is there")


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        with (root / name).open("a") as file:
            file.write("x = 1\n")


def test_files_that_changed_on_this_side_are_touched_written_or_committed(tmp_path: Path) -> None:
    files = ("zoo/kept.py", "zoo/a/changed.py", "cli/committed.py", "zoo/gone.py", "tests/t.py")
    write(tmp_path, *files, "zoo/README.md")
    committed(tmp_path)
    git(tmp_path, "switch", "--create", "side")
    write(tmp_path, "cli/committed.py")
    committed(tmp_path)
    git(tmp_path, "switch", "main")
    write(tmp_path, "zoo/kept.py")  # on the other side, since they parted
    committed(tmp_path)
    git(tmp_path, "switch", "side")
    write(tmp_path, "zoo/a/changed.py", "zoo/b/é new.py", "tests/t.py", "zoo/README.md", "other.py")
    (tmp_path / "zoo/gone.py").unlink()
    assert touched("main", tmp_path) == ["cli/committed.py", "zoo/a/changed.py", "zoo/b/é new.py"]
    assert touched("HEAD", tmp_path) == ["zoo/a/changed.py", "zoo/b/é new.py"]


def test_a_revision_that_git_does_not_know_is_an_error_in_its_words(tmp_path: Path) -> None:
    write(tmp_path, "zoo/a.py")
    committed(tmp_path)
    with pytest.raises(ValueError, match=r"git diff .* nowhere"):
        touched("nowhere", tmp_path)


@pytest.mark.parametrize("room", ["losses", "data"])
@pytest.mark.parametrize("tried", [0, 1, 3, 8, 17, 40])
def test_a_room_as_good_as_wanted_fails_at_most_one_draw_of_ten(room: str, tried: int) -> None:
    missed = 1 - (WANTED["losses"] if room == "losses" else ELSEWHERE)
    chance = [
        math.comb(tried, n) * missed**n * (1 - missed) ** (tried - n) for n in range(tried + 1)
    ]
    most = allowed(room, tried)
    assert sum(chance[: most + 1]) >= SURE - 1e-9
    assert sum(chance[:most]) < SURE


def test_the_larger_the_draw_the_nearer_to_the_share() -> None:
    assert [allowed("losses", n) for n in (8, 40, 400)] == [2, 6, 48]
    assert [allowed("cli", n) for n in (8, 40, 400)] == [3, 11, 90]
