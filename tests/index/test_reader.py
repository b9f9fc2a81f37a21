"""Opening beside a busy writer, leafing through an index, asking many queries in portions."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from zoo.errors import IntegrityError
from zoo.index import Index, Record, reader
from zoo.index.generations import read_current
from zoo.index.manifest import Manifest

MakeIndex = Callable[..., Index]


@pytest.mark.parametrize("swept", [0, 4, 5])
def test_a_reader_outwaits_four_writers_that_sweep_its_generation_away(
    swept: int, make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_index(20).folder
    tried: list[int] = []

    def moving(folder: Path) -> Manifest:
        return replace(read_current(folder), generation=len(tried) + 1)

    def check(folder: Path, manifest: Manifest, *, trust_seen: bool) -> int:
        tried.append(manifest.generation)
        if len(tried) <= swept:
            raise IntegrityError("swept away")
        return 0

    monkeypatch.setattr(reader, "read_current", moving)
    monkeypatch.setattr(reader, "check_files", check)
    if swept == 5:
        with pytest.raises(IntegrityError, match="swept away"):
            Index.open(folder)
    else:
        assert len(Index.open(folder)) == 20
    assert tried == list(range(1, min(swept + 1, 5) + 1))


def test_damage_in_a_generation_that_is_still_current_is_not_waited_for(
    make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, tried = make_index(20).folder, list[int]()

    def check(folder: Path, manifest: Manifest, *, trust_seen: bool) -> int:
        tried.append(manifest.generation)
        raise IntegrityError("damaged")

    monkeypatch.setattr(reader, "check_files", check)
    with pytest.raises(IntegrityError, match="damaged"):
        Index.open(folder)
    assert len(tried) == 1


def test_leafing_through_segments_gives_every_candidate_once_in_order(
    make_index: MakeIndex, points: Callable[..., Tensor], records: Callable[..., list[Record]]
) -> None:
    index = make_index(7)
    index.add_vectors(points(5, seed=2), records(5, "new"))
    index.remove(ids=[2, 8])
    for where in (None, "label = 'class 1'"):
        candidates = index.candidates(where)
        every = [hit.record.id for hit in index.page(candidates, 0, 100)]
        chosen = [i for i in index.ids() if where is None or i in (1, 6, 8, 13)]
        assert every == chosen
        for offset in range(len(every) + 2):
            for limit in (0, 1, 3, 9):
                found = [hit.record.id for hit in index.page(candidates, offset, limit)]
                assert found == every[offset : offset + limit]


def test_many_queries_are_asked_in_portions_and_answered_in_order(
    make_index: MakeIndex, points: Callable[..., Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, queries = make_index(50), points(7, seed=1)
    expected = index.search(queries, 3)
    monkeypatch.setattr(reader, "QUERY_BATCH", 3)
    assert index.search(queries, 3) == expected
    assert len(expected) == 7
