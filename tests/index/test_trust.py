"""Nothing damaged is believed, nothing interrupted is half done."""

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from zoo.errors import IntegrityError, RankzooError
from zoo.files import sha256_of
from zoo.index import Index, Plan, Record, generations
from zoo.index import reader as reading
from zoo.index.generations import POINTER, read_current, writing

MakeIndex = Callable[..., Index]
KINDS = ["Flat", "HNSW8", "IVF4,PQ8x4fs"]
WRITES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect")


def files_of(folder: Path) -> list[Path]:
    """The files an index consists of, apart from the empty lock and the reader's own notes."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if path.name not in ("lock", ".verified.json"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_flipped_bit_is_found_by_opening_and_by_verify(
    kind: str, make_index: MakeIndex
) -> None:
    index = make_index(60, plan=Plan(kind))
    index.remove(ids=[5])
    random = np.random.default_rng(0)
    for path in files_of(index.folder):
        content = path.read_bytes()
        for place in random.integers(0, 8 * len(content), 20).tolist():
            flipped = bytearray(content)
            flipped[place // 8] ^= 1 << place % 8
            path.write_bytes(flipped)
            with pytest.raises(IntegrityError, match=path.name):
                Index.open(index.folder)
            with pytest.raises(IntegrityError, match=path.name):
                index.verify()
        path.write_bytes(content)
    assert len(Index.open(index.folder)) == 59


@pytest.mark.parametrize("keep", [0, 1, 0.5, 0.999])
def test_every_truncated_or_missing_file_is_found(keep: float, make_index: MakeIndex) -> None:
    index = make_index(60, plan=Plan("HNSW8"))
    for path in files_of(index.folder):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep) if keep < 1 else 1])
        with pytest.raises(IntegrityError):
            Index.open(index.folder)
        path.unlink()
        with pytest.raises(RankzooError):
            Index.open(index.folder)
        path.write_bytes(content)
    assert len(Index.open(index.folder)) == 60


def test_files_of_another_index_are_not_taken_for_ours(make_index: MakeIndex) -> None:
    ours, foreign = make_index(60, name="a"), make_index(60, name="b", seed=1)
    for path in files_of(ours.folder):
        content = path.read_bytes()
        other = foreign.folder / path.relative_to(ours.folder)
        if other.read_bytes() == content:
            continue  # the same rows
        shutil.copy(other, path)
        with pytest.raises(IntegrityError):
            Index.open(ours.folder)
        path.write_bytes(content)
    shutil.copytree(foreign.folder, ours.folder, dirs_exist_ok=True)  # all of them: it is b now
    assert len(Index.open(ours.folder)) == 60


def test_a_touched_file_is_read_again_and_an_untouched_one_is_not(
    make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = make_index(60)
    read: list[str] = []

    def noted(path: Path) -> str:
        read.append(path.name)
        return sha256_of(path)

    monkeypatch.setattr(generations, "sha256_of", noted)
    Index.open(index.folder)
    assert read == ["generation-000001.json"]
    os.utime(index.folder / "segments" / "000001" / "vectors.faiss", (1, 1))
    Index.open(index.folder)
    assert read[2:] == ["vectors.faiss"]


def test_a_second_writer_is_turned_away_and_a_reader_is_not(
    make_index: MakeIndex, points: Callable[..., Tensor], records: Callable[..., list[Record]]
) -> None:
    index = make_index(20)
    with writing(index.folder):
        with pytest.raises(RankzooError, match="another process is writing"):
            index.add_vectors(points(1, seed=3), records(1, "x"))
        assert len(Index.open(index.folder).search(points(1), 5)[0]) == 5
    assert index.add_vectors(points(1, seed=3), records(1, "x")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_keeps_its_generation_while_others_change_the_folder(
    kind: str,
    make_index: MakeIndex,
    points: Callable[..., Tensor],
    records: Callable[..., list[Record]],
) -> None:
    writer = make_index(50, plan=Plan(kind))
    reader = Index.open(writer.folder)
    before = reader.search(points(5), 9)
    filtered = reader.search(points(5), 9, where="label = 'class 2'")
    writer.remove(where="label = 'class 2'")
    writer.add_vectors(points(50, seed=2), records(50, "x"))
    writer.compact()
    assert reader.search(points(5), 9) == before
    assert reader.search(points(5), 9, where="label = 'class 2'") == filtered
    assert reader.vectors_of([0])[0].tolist() == pytest.approx(points(50)[0].tolist())
    assert Index.open(writer.folder).search(points(5), 9) != before


def test_a_reader_that_looked_just_before_a_swap_looks_again(
    make_index: MakeIndex,
    points: Callable[..., Tensor],
    records: Callable[..., list[Record]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index = make_index(20)

    def look_then_be_overtaken(folder: Path) -> Any:
        seen = read_current(folder)
        if seen.generation == 1:
            monkeypatch.setattr(reading, "read_current", read_current)
            Index.open(folder).compact()
        return seen

    monkeypatch.setattr(reading, "read_current", look_then_be_overtaken)
    assert Index.open(index.folder).manifest.generation == 2


def test_a_moved_index_opens(make_index: MakeIndex, tmp_path: Path) -> None:
    index = make_index(20)
    moved = index.folder.rename(tmp_path / "elsewhere")
    assert len(Index.open(moved)) == 20
    copied = shutil.copytree(moved, tmp_path / "copied")
    assert len(Index.open(Path(copied))) == 20


def test_a_full_disk_changes_nothing(
    make_index: MakeIndex, points: Callable[..., Tensor], records: Callable[..., list[Record]]
) -> None:
    index = make_index(20)
    before = {path: path.read_bytes() for path in files_of(index.folder)}
    resource = pytest.importorskip("resource", reason="Windows limits no file")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            index.add_vectors(points(2000, seed=3), records(2000, "x"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert {path: path.read_bytes() for path in files_of(index.folder)} == before
    assert index.add_vectors(points(2, seed=3), records(2, "x")) == 2


def killed_at(step: int, act: Callable[[], object]) -> bool:
    """Do `act` in a child that is killed at its `step`th write; return whether it was."""
    child = os.fork()
    if child == 0:
        left = [step]

        def count(event: str, arguments: tuple[Any, ...]) -> None:
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 0o3
            if writes or event in WRITES:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


ACTIONS: dict[str, tuple[Callable[[Index, Tensor, list[Record]], object], int]] = {
    "add": (lambda index, new, rows: index.add_vectors(new, rows), 35),
    "remove": (lambda index, new, rows: index.remove(where="label = 'class 1'"), 22),
    "compact": (lambda index, new, rows: index.compact(), 27),
}


@pytest.mark.slow
@pytest.mark.parametrize("action", ACTIONS)
def test_killed_at_any_write_leaves_the_old_or_the_new_index(
    action: str,
    make_index: MakeIndex,
    points: Callable[..., Tensor],
    records: Callable[..., list[Record]],
    tmp_path: Path,
) -> None:
    original = make_index(30)
    original.remove(ids=[0, 6, 29])
    act, after = ACTIONS[action]
    new, rows = points(8, seed=3), records(8, "x")
    step, counts = 1, []
    while True:
        folder = Path(shutil.copytree(original.folder, tmp_path / f"copy{step}"))
        index = Index.open(folder)
        if not killed_at(step, lambda: act(index, new, rows)):  # noqa: B023
            break
        survivor = Index.open(folder)
        survivor.verify()
        counts.append((len(survivor), survivor.manifest.generation))
        survivor.add_vectors(points(1, seed=9), records(1, "y"))
        assert {str(p.relative_to(folder)) for p in files_of(folder)} == {
            *survivor.manifest.files,
            POINTER,
            f"generation-{survivor.manifest.generation:06d}.json",
        }
        step += 1
    assert step > 8
    assert set(counts) == {(27, 2), (after, 3)}
    assert counts == sorted(counts, key=lambda pair: pair[1])
