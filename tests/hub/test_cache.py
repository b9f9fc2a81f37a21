"""Pins: each name has its own, is read back as it was written, and is absent when damaged."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from time import sleep

import pytest

from zoo.cards.sources import FileRecord
from zoo.errors import UnavailableError
from zoo.hub.cache import Pin, pin_path, read_pin, single_writer, write_pin

PIN = Pin("me/photos", "c0ffee", (FileRecord("model.safetensors", 3, "a" * 64),))


def test_every_repository_revision_and_choice_of_weights_has_a_pin_of_its_own() -> None:
    names = [*product(("me/photos", "me/cats"), ("v1", "v1/a", "dev"), ("", "open_clip_"))]
    assert len({pin_path(*name) for name in names}) == len(names)
    assert pin_path("me/photos", None) == pin_path("me/photos", "main")
    assert {path.suffix for path in (pin_path(*name) for name in names)} == {".json"}


def test_a_pin_comes_back_and_a_damaged_one_does_not(caches: Path) -> None:
    path = pin_path("me/photos", "v1")
    assert read_pin(path) is None
    write_pin(path, PIN)
    assert read_pin(path) == PIN
    for damage in (b"{", path.read_bytes().replace(b"c0ffee", b"decade")):
        path.write_bytes(damage)
        assert read_pin(path) is None


def test_one_of_several_writers_works_at_a_time(caches: Path) -> None:
    inside, most = list[int](), list[int]()

    def work(number: int) -> None:
        with single_writer(caches / "below" / "made"):
            inside.append(number)
            sleep(0.01)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert most == [1, 1, 1, 1]


def test_a_cache_that_is_no_folder_is_named_with_the_setting(caches: Path) -> None:
    (caches / "file").write_text("in the way")
    with pytest.raises(UnavailableError, match="cannot be written") as caught:
        single_writer(caches / "file" / "below" / "made").__enter__()
    assert "RANKZOO_CACHE" in caught.value.hint
