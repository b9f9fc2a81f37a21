"""What a change touched, and how many survivors a draw of this size may have."""

import subprocess
from pathlib import Path

from scipy.stats import binom

# The share of small wrong changes that a room's tests are to notice.
ELSEWHERE = 0.8
WANTED = dict.fromkeys(
    ("losses", "ranking", "metrics", "evaluation", "index", "hub", "runs", "training"), 0.9
)
SURE = 0.9  # how sure a draw has to be that the room is below that


def touched(since: str, root: Path) -> list[str]:
    """Return the Python files of zoo/ and cli/ that differ from where this tree left a revision.

    What is not committed counts, new files too; what was deleted has nothing to change.

    Raises:
        ValueError: git does not know the revision, or this is no clone.
    """
    changed = _git(root, "diff", "--name-only", "--diff-filter=d", "--merge-base", since)
    new = _git(root, "ls-files", "--others", "--exclude-standard")
    return sorted(file for file in {*changed, *new} if file.endswith(".py"))


def allowed(room: str, tried: int) -> int:
    """Return how many of the changes tried may survive.

    A room that notices exactly the share wanted stays within it in nine draws of ten: two survivors
    of eight where the share is .9, three where it is .8. Nearer to the share would fail a sound
    room by chance, and a large draw comes as near as it should: 6 of 40, 48 of 400.
    """
    return int(binom.ppf(SURE, tried, 1 - WANTED.get(room, ELSEWHERE)))


def _git(root: Path, *words: str) -> list[str]:
    command = ["git", *words, "-z", "--", "zoo", "cli"]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if found.returncode:
        raise ValueError(f"{' '.join(command)}: {found.stderr.strip()}")
    return [file for file in found.stdout.split("\0") if file]
