"""An index changed, damaged, replaced or removed while it is served."""

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from zoo.data.dataset import read_dataset
from zoo.embedding.identity import identify
from zoo.index import Index

SEARCH = "/api/indexes/idx/search"
Colours = Callable[..., Any]


@pytest.fixture(autouse=True)
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.serve.library.LOOK_EVERY", 0.01)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "this never came true"
        time.sleep(0.01)


@pytest.mark.usefixtures("patient_conditions")
def test_no_request_fails_while_generations_come_and_go(
    client: Callable[..., TestClient], idx: Path, photos: Path, colour_model: Colours
) -> None:
    ask = client()
    done = threading.Event()
    seen: list[set[int]] = [set(), set(), set()]  # the generations that each client was answered of
    sent = (photos / "red" / "1.png").read_bytes()

    def search(number: int) -> list[tuple[int, str]]:
        statuses: list[tuple[int, str]] = []
        while not done.is_set():
            where = {"where": f"label = 'red' and {number} = {number} and id >= 0"}
            by_text = ask.get(SEARCH, params={"text": "red", **where})
            by_picture = ask.post(SEARCH, content=sent, params={"k": 1})
            page = ask.get("/api/indexes/idx/items", params=where)
            answers = (by_text, by_picture, page)
            statuses += [(answer.status_code, answer.text[:200]) for answer in answers]
            assert by_picture.json()["hits"][0]["path"] == "red/1.png"
            seen[number].add(by_picture.json()["generation"])
        return statuses

    index = Index.open(idx)

    def caught_up() -> bool:
        """Whether each client was answered of the newest generation, or one has failed."""
        everyone = all(index.manifest.generation in each for each in seen)
        return everyone or any(map(Future.done, running))

    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(search, number) for number in range(3)]
        try:
            for number in range(4):
                Image.new("RGB", (8, 8), (number, 99, 9)).save(photos / f"new{number}.png")
                (photos / "more.csv").write_text(f"path,label\nnew{number}.png,new\n")
                index.add(colour_model(), read_dataset(photos / "more.csv"))
                index.compact()
                wait_for(caught_up)
        finally:
            done.set()
        answers = [answer for future in running for answer in future.result()]
    assert [answer for answer in answers if answer[0] != 200] == []
    assert ask.get("/api/indexes/idx").json()["count"] == 16
    assert b'rankzoo_reloads{index="idx"}' in ask.get("/metrics").content


def test_a_removed_index_is_503_until_it_is_back(
    client: Callable[..., TestClient], idx: Path, tmp_path: Path
) -> None:
    ask = client()
    idx.rename(tmp_path / "elsewhere")
    answer = ask.get(SEARCH, params={"text": "red"})
    assert (answer.status_code, "was removed" in answer.json()["error"]) == (503, True)
    assert ask.get("/api/indexes/idx").status_code == 503
    wait_for(lambda: ask.get("/health").status_code == 503)
    assert ask.get("/").status_code == 200
    assert ask.get("/api/indexes").json()["indexes"][0]["problem"] != ""
    (tmp_path / "elsewhere").rename(idx)
    assert ask.get(SEARCH, params={"text": "red"}).status_code == 200
    wait_for(lambda: ask.get("/health").status_code == 200)


def test_a_damaged_generation_is_not_taken(
    client: Callable[..., TestClient], idx: Path, photos: Path
) -> None:
    ask = client()
    other = idx.with_name("next")
    shutil.copytree(idx, other)
    Index.open(other).remove(ids=[0])
    manifest = other / "generation-000002.json"
    manifest.write_text(
        manifest.read_text().replace("idx", "IDX").replace('"count": 11', '"count": 10')
    )
    for name in ("generation-000002.json", "CURRENT"):
        shutil.copy(other / name, idx / name)
    wait_for(lambda: ask.get("/health").json()["status"] == "degraded")
    found = ask.get(SEARCH, params={"text": "red", "k": 12}).json()
    assert (found["generation"], found["total"]) == (1, 12)
    assert "damaged" in ask.get("/api/indexes").json()["indexes"][0]["problem"]


def test_an_index_of_another_model_in_its_place_is_not_taken(
    client: Callable[..., TestClient], idx: Path, colour_model: Colours
) -> None:
    from zoo.index import Record

    ask = client()
    shutil.rmtree(idx)
    other = identify(colour_model(gain=2.0), "others")
    Index.from_vectors(idx, torch.eye(3), [Record(f"{i}.png") for i in range(3)], other)
    wait_for(lambda: "other weights" in ask.get("/api/indexes").json()["indexes"][0]["problem"])
    assert ask.get("/health").status_code == 503


@pytest.mark.parametrize(
    "damage", ["", "{", "[" * 100_000, '{"generation": [], "sha256": 1}', "\0\0", None]
)
def test_a_damaged_pointer_leaves_the_last_good_generation_and_mends_itself(
    client: Callable[..., TestClient], idx: Path, damage: str | None
) -> None:
    ask = client()
    good = (idx / "CURRENT").read_text()
    if damage is None:
        (idx / "CURRENT").unlink()
    else:
        (idx / "CURRENT").write_text(damage)
    wait_for(lambda: ask.get("/health").json()["status"] == "degraded")
    health = ask.get("/health")
    assert health.status_code == 503
    assert str(idx) not in health.text
    assert ("idx:" in health.text, "CURRENT" in health.text or damage is None) == (True, True)
    assert ask.get(SEARCH, params={"text": "red"}).json()["generation"] == 1
    (idx / "CURRENT").write_text(good)
    wait_for(lambda: ask.get("/health").json() == {"status": "ok"})


def test_a_file_mended_behind_the_pointer_is_seen_too(
    client: Callable[..., TestClient], idx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.serve.served.AGAIN_S", 0.05)
    ask = client()
    manifest = idx / "generation-000001.json"
    good, pointer = manifest.read_text(), (idx / "CURRENT").read_text()
    manifest.write_text(good + " ")
    (idx / "CURRENT").write_text(pointer)
    wait_for(lambda: ask.get("/health").json()["status"] == "degraded")
    assert "generation-000001.json" in ask.get("/health").text
    manifest.write_text(good)
    wait_for(lambda: ask.get("/health").json() == {"status": "ok"})
