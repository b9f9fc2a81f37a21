"""Would a flipped bit be seen? Flip one in what the product writes, then use the thing.

    python -m tests.flips --count 1000 --seed 0

Each flip must be refused with an error of ours, or change nothing that is read. Cards are not here:
they are documents that people edit, and their numbers are checked against a schema, not a seal.
"""

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.stored import Stored, stored, towers
from zoo.errors import RankzooError

FLAGS = {"count": 1000, "seed": 0}


def canonical(value: Any) -> str:
    """Return values with their tensors in a form that is equal where every bit is."""
    if isinstance(value, Tensor):
        content = value.contiguous().flatten().view(torch.uint8).numpy().tobytes()
        return f"{value.dtype} {tuple(value.shape)} {hashlib.sha256(content).hexdigest()}"
    if isinstance(value, dict):
        return json.dumps({str(k): canonical(v) for k, v in value.items()}, sort_keys=True)
    if isinstance(value, list | tuple):
        return json.dumps([canonical(v) for v in value])
    return repr(value)


def flip(path: Path, draw: random.Random) -> str:
    """Flip one bit of a file in place; return where."""
    content = bytearray(path.read_bytes())
    place, bit = draw.randrange(len(content)), draw.randrange(8)
    content[place] ^= 1 << bit
    path.write_bytes(content)
    return f"{path.name} byte {place} bit {bit}"


def one(kind: Stored, sound: Path, file: str, draw: random.Random) -> tuple[str, str]:
    """Flip a bit of a copy and read it: (refused | harmless | UNSEEN | CRASH, where and what)."""
    before = read_again(kind, sound)
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(sound, Path(scratch) / "copy"))
        where = f"{kind.name}: {flip(copy / file, draw)}"
        try:
            after = read_again(kind, copy)
        except RankzooError:
            return "refused", where
        except Exception as error:
            return "CRASH", f"{where}: {type(error).__name__}: {error}"
    return ("harmless" if after == before else "UNSEEN"), where


def read_again(kind: Stored, folder: Path) -> str:
    torch.manual_seed(1)
    return canonical(kind.read(folder))


def campaign(count: int, seed: int) -> dict[str, Counter[str]]:
    """Flip `count` bits, file after file in turn, and print whatever was not seen."""
    draw, found = random.Random(seed), dict[str, Counter[str]]()
    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as scratch:
        targets = []
        for number, kind in enumerate([*stored(), *towers()]):
            sound = Path(scratch) / str(number) / "sound"
            sound.mkdir(parents=True)
            kind.write(sound)
            files = [p for p in sorted(sound.rglob("*")) if p.is_file() and p.stat().st_size]
            targets += [(kind, sound, str(p.relative_to(sound))) for p in files]
        for n in range(count):
            kind, sound, file = targets[n % len(targets)]
            outcome, where = one(kind, sound, file, draw)
            found.setdefault(kind.name, Counter())[outcome] += 1
            if outcome in ("UNSEEN", "CRASH"):
                print(outcome, where, flush=True)  # noqa: T201
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in FLAGS.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    found = campaign(asked.count, asked.seed)
    for name, counted in found.items():
        print(f"{name:40} {dict(counted)}")  # noqa: T201
    total = sum(found.values(), Counter[str]())
    print(f"{total.total()} flips: {dict(total)}")  # noqa: T201
    return int(bool(total["UNSEEN"] or total["CRASH"]))


if __name__ == "__main__":
    sys.exit(main())
