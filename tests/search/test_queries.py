"""Questions are embedded in order, each by the side of the model that it needs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from zoo.errors import DataError, UnavailableError, UsageError
from zoo.search import queries as room
from zoo.search.queries import Query, embed_queries, read_queries

Side = Callable[[Sequence[Any]], Tensor]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any]]]:
    """What each side was given: an image's vector is (1, its width), a text's (2, its length)."""
    calls: list[tuple[str, list[Any]]] = []

    def side(name: str, number: float, size: Callable[[Any], int]) -> Callable[[nn.Module], Side]:
        def embed(group: Sequence[Any]) -> Tensor:
            calls.append((name, list(group)))
            return torch.tensor([[number, size(what)] for what in group])

        return lambda model: embed

    monkeypatch.setattr(room, "image_side", side("image", 1.0, width))
    monkeypatch.setattr(room, "text_side", side("text", 2.0, len))
    return calls


def width(what: Path | Image.Image) -> int:
    if isinstance(what, Image.Image):
        return what.width
    with Image.open(what) as opened:
        return opened.width


def picture(path: Path, side: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, 8)).save(path)
    return path


def test_images_and_texts_together_keep_their_places(
    asked: list[tuple[str, list[Any]]], tmp_path: Path
) -> None:
    seen = Image.new("RGB", (7, 7))
    questions: list[str | Path | Image.Image] = [
        "red",
        picture(tmp_path / "a.png", 20),
        "a blue square",
        seen,
    ]
    found = embed_queries(nn.Identity(), read_queries(questions))
    assert found.tolist() == [[2, 3], [1, 20], [2, 13], [1, 7]]
    assert [name for name, _ in asked] == ["image", "text"]


def test_only_the_side_that_is_needed_is_asked_a_batch_at_a_time(
    asked: list[tuple[str, list[Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "BATCH", 2)
    words = ["a", "bb", "ccc", "dddd", "eeeee"]
    found = embed_queries(nn.Identity(), read_queries(words))
    assert found[:, 1].tolist() == [1, 2, 3, 4, 5]
    assert [group for _, group in asked] == [["a", "bb"], ["ccc", "dddd"], ["eeeee"]]
    assert {name for name, _ in asked} == {"text"}


def test_a_folder_asks_each_image_below_it_and_the_name_of_a_file_can_be_words(
    tmp_path: Path,
) -> None:
    one, two = picture(tmp_path / "a.png", 8), picture(tmp_path / "deep/b.png", 9)
    assert [query.path for query in read_queries(tmp_path)] == [one, two]
    assert read_queries(str(one)) == [Query(str(one), one)]
    assert read_queries(str(one), as_text=True) == [Query(str(one))]


def test_what_of_a_folder_is_not_asked_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture(tmp_path / "a.png", 8)
    (tmp_path / "b.heic").write_bytes(b"")
    with caplog.at_level("INFO", "rankzoo"):
        assert len(read_queries(tmp_path)) == 1
    assert "b.heic" in caplog.text


def test_the_own_copy_is_known_by_the_content(tmp_path: Path) -> None:
    one, two = picture(tmp_path / "a.png", 8), picture(tmp_path / "b.png", 9)
    (tmp_path / "c.png").write_bytes(one.read_bytes())
    first, second, third = (Query("", path).copy for path in (one, two, tmp_path / "c.png"))
    assert first == third != second
    assert Query("red").copy == Query("red").copy != Query("blue").copy
    assert Query("image", image=Image.new("RGB", (7, 7))).copy is None


def test_no_question_nowhere_and_a_folder_without_images_are_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a query is empty"):
        read_queries(["red", "  "])
    with pytest.raises(UnavailableError, match=r"gone\.png does not exist"):
        read_queries(tmp_path / "gone.png")
    with pytest.raises(DataError, match="holds no image"):
        read_queries(tmp_path)
