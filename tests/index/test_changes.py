"""Every change is in the history with what it did; one that does nothing makes no generation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from zoo import __version__
from zoo.errors import DataError, UnavailableError
from zoo.index import Index, Plan, Record, engine

MakeIndex = Callable[..., Index]


def told(index: Index) -> list[tuple[Any, ...]]:
    """The events of an index: name and numbers; each has its time and version."""
    history = [dict(event) for event in Index.open(index.folder).info()["history"]]
    assert all(event.pop("time") and event.pop("version") == __version__ for event in history)
    return [tuple(event.values()) for event in history]


def test_the_history_says_what_each_change_did(
    make_index: MakeIndex,
    points: Callable[..., Tensor],
    records: Callable[..., list[Record]],
    tmp_path: Path,
) -> None:
    index = make_index(20, root=tmp_path / "old")
    index.add_vectors(points(3, seed=2), records(3, "new"))
    assert index.remove(ids=[0, 21], paths=["p1.png"]) == 3
    index.compact()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "p2.png").touch()
    assert index.relocate(tmp_path / "photos") == 19
    assert told(index) == [
        ("build", 20),
        ("add", 3),
        ("remove", 3),
        ("compact", 3),
        ("relocate", str(tmp_path / "old"), str(tmp_path / "photos")),
    ]
    assert index.manifest.generation == 5
    assert index.root == tmp_path / "photos"
    assert index.add_vectors(points(1, seed=3), records(1, "last")) == 1
    assert index.ids()[-1] == 23  # the ids of what was removed are not given again


def test_what_is_not_there_is_named_and_nothing_is_removed(make_index: MakeIndex) -> None:
    index = make_index(20)
    index.remove(ids=[7])
    for wrong, named in (({"ids": [3, 7, 99]}, "id 7"), ({"paths": ["x.png"]}, "path 'x.png'")):
        with pytest.raises(UnavailableError, match=f"{named} is not in the index") as caught:
            index.remove(**wrong)
        assert caught.value.hint == "nothing was removed"
    assert index.remove(where="label = 'no such'") == 0
    assert (len(Index.open(index.folder)), index.manifest.generation) == (19, 2)


def test_an_absolute_path_names_the_item_below_the_root(
    make_index: MakeIndex, tmp_path: Path
) -> None:
    index = make_index(20, root=tmp_path / "photos")
    assert index.remove(paths=[str(tmp_path / "photos" / "p4.png")]) == 1
    assert 4 not in index.ids()


def test_a_folder_without_any_of_the_images_is_refused(
    make_index: MakeIndex, tmp_path: Path
) -> None:
    index = make_index(5, root=tmp_path / "photos")
    with pytest.raises(DataError, match="none of the 5 images") as caught:
        index.relocate(tmp_path)
    assert str(tmp_path / "photos") in caught.value.hint
    assert told(index) == [("build", 5)]


@pytest.mark.parametrize("kind", ["Flat", "IVF2,SQ8"])
def test_more_items_than_are_held_at_once_are_rewritten_in_order(
    kind: str,
    make_index: MakeIndex,
    points: Callable[..., Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index = make_index(100, plan=Plan(kind, refine=25, nprobe=2))
    index.remove(ids=[0, 7, 8, 99])
    before = index.search(points(9, seed=1), 96)
    monkeypatch.setattr(engine, "CHUNK", 7)
    index.compact()
    after = index.search(points(9, seed=1), 96)
    assert [[(hit.record, hit.score) for hit in hits] for hits in after] == [
        [(hit.record, hit.score) for hit in hits] for hits in before
    ]
    assert index.ids() == [i for i in range(100) if i not in (0, 7, 8, 99)]
