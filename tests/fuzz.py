"""Does anything but an error of ours come out of a parser? Feed each what no program would write.

    python -m tests.fuzz --count 10000 --seed 0

Each input starts from a sound one. Half of them change its meaning (a value of another kind, a row
twice, a key less), signed again where the product signs; half change its bytes. An input must be
read, or refused with a RankzooError, within `LIMIT` seconds.
"""

import argparse
import logging
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzz_changes import changed_bytes, changed_meaning
from tests.fuzz_parser import Parser
from tests.fuzz_parsers import parsers
from zoo.errors import RankzooError

FLAGS = {"count": 10_000, "seed": 0}
LIMIT = 120  # seconds; a sound input takes milliseconds, MATLAB's child .2 s (5 s under load)


class Hang(BaseException):
    """Raised into a parser that has not come back in time; no handler of errors catches it."""


@dataclass(frozen=True)
class Target:
    """A file that a parser reads, in a folder with everything else that it needs."""

    parser: Parser
    sound: Path
    file: str


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise `Hang` in the body after some seconds."""

    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(parser: Parser, folder: Path) -> tuple[str, str]:
    """Read a folder: (read | refused | HANG | TRACEBACK, what happened)."""
    try:
        with limited(LIMIT):
            parser.read(folder)
    except RankzooError as error:
        return "refused", str(error)
    except Hang:
        return "HANG", f"more than {LIMIT} s"
    except Exception as error:
        return "TRACEBACK", f"{type(error).__name__}: {error}"
    return "read", ""


def one(target: Target, draw: random.Random) -> tuple[str, str, bytes]:
    """Change a copy of a sound input and read it; return also what was fed."""
    change = draw.choice((changed_meaning, changed_bytes))
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(target.sound, Path(scratch) / "copy"))
        file = copy / target.file
        file.write_bytes(change(file.read_bytes(), file.suffix, draw))
        fed = file.read_bytes()
        return *outcome(target.parser, copy), fed


def targets(scratch: Path) -> list[list[Target]]:
    """Write every sound input, check that it is read, and return each parser's files to change."""
    found = []
    for number, parser in enumerate(parsers()):
        sound = scratch / str(number) / "sound"
        sound.mkdir(parents=True)
        parser.write(sound)
        parser.read(Path(shutil.copytree(sound, sound.parent / "copy")))
        named = {p for glob in parser.files or ("**/*",) for p in sound.glob(glob)}
        files = [str(p.relative_to(sound)) for p in sorted(named) if p.is_file()]
        assert files, parser.name
        found.append([Target(parser, sound, file) for file in files])
    return found


def campaign(count: int, seed: int) -> dict[str, Counter[str]]:
    """Feed `count` inputs, parser after parser in turn; print each that was not read or refused."""
    draw, found = random.Random(seed), dict[str, Counter[str]]()
    with tempfile.TemporaryDirectory() as scratch:
        all_of = targets(Path(scratch))
        for n in range(count):
            target = draw.choice(all_of[n % len(all_of)])
            result, what, fed = one(target, draw)
            found.setdefault(target.parser.name, Counter())[result] += 1
            if result in ("HANG", "TRACEBACK"):
                print(result, target.parser.name, target.file, what, fed[:300], flush=True)  # noqa: T201
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in FLAGS.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    asked: Any = parser.parse_args()
    logging.disable(logging.WARNING)  # what is left out or tried again is said a thousand times
    found = campaign(asked.count, asked.seed)
    for name, counted in found.items():
        print(f"{name:32} {dict(sorted(counted.items()))}")  # noqa: T201
    total = sum(found.values(), Counter[str]())
    print(f"{total.total()} inputs: {dict(total)}")  # noqa: T201
    return int(bool(total["HANG"] or total["TRACEBACK"]))


if __name__ == "__main__":
    sys.exit(main())
