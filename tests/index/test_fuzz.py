"""Damage that was signed again, as by somebody who means harm: an error at worst, never a crash."""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from zoo.errors import RankzooError
from zoo.files import Facts
from zoo.index import Index, Plan
from zoo.index.generations import publish, read_current

TRIES = 8  # per file; the README's figures come from 40


def sign(folder: Path, name: str) -> None:
    """Make the manifest promise the file as it is now."""
    manifest = read_current(folder)
    facts = Facts.of(folder / name)
    segments = tuple(
        replace(s, files={key: facts if key == name else old for key, old in s.files.items()})
        for s in manifest.segments
    )
    trained = facts if name == manifest.trained else manifest.trained_facts
    publish(folder, replace(manifest, segments=segments, trained_facts=trained))


def damaged(content: bytes, random: np.random.Generator, way: int) -> bytes:
    """Flip a bit, overwrite eight bytes with noise or a huge number, or cut some out."""
    data = bytearray(content)
    place = int(random.integers(0, len(data) if way % 2 else min(len(data), 400)))
    if way % 4 == 0:
        data[place] ^= 1 << int(random.integers(0, 8))
    elif way % 4 == 1:
        data[place : place + 8] = random.bytes(8)
    elif way % 4 == 2:
        data[place : place + 8] = b"\xff" * 7 + b"\x7f"
    else:
        del data[place : place + int(random.integers(1, 64))]
    return bytes(data)


def outcome(folder: Path, queries: Tensor) -> int:
    """Open and search in another process; return its wait status."""
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            index = Index.open(folder)
            index.search(queries, 3)
            index.search(queries, 3, where="label like 'class%'")
        except RankzooError as error:
            os._exit(error.code)
        except BaseException:
            os._exit(99)
        os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Flat", "HNSW8", "IVF4,SQ8", "IVF4,PQ8x4fs"])
def test_signed_damage_ends_in_an_answer_or_an_integrity_error(
    kind: str, make_index: Callable[..., Index], points: Callable[..., Tensor], tmp_path: Path
) -> None:
    index = make_index(100, plan=Plan(kind, refine=2))
    index.remove(ids=[3])
    random = np.random.default_rng(0)
    refused = 0
    for name in index.manifest.files:
        for way in range(TRIES):
            folder = Path(shutil.copytree(index.folder, tmp_path / "copy", dirs_exist_ok=True))
            path = folder / name
            path.write_bytes(damaged(path.read_bytes(), random, way))
            sign(folder, name)
            status = outcome(folder, points(4, seed=1))
            assert os.WIFEXITED(status), f"{name}: signal {os.WTERMSIG(status)}"
            assert os.WEXITSTATUS(status) in (0, 5), name
            refused += os.WEXITSTATUS(status) == 5
            shutil.rmtree(folder)
    assert refused > TRIES
