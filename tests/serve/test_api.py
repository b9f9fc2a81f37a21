"""Searching, browsing and filtering over HTTP."""

import shutil
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from zoo.index import Index
from zoo.search.asking import ask
from zoo.search.options import Reranking, SearchOptions
from zoo.serve.service import Service
from zoo.serve.settings import Limits

SEARCH = "/api/indexes/idx/search"


def test_a_picture_finds_itself_first(
    client: Callable[..., TestClient], photos: Path, idx: Path
) -> None:
    content = (photos / "red" / "2.png").read_bytes()
    answer = client().post(SEARCH, content=content, params={"k": 5})
    found = answer.json()
    assert answer.status_code == 200
    assert (found["total"], len(found["hits"])) == (5, 5)
    first = found["hits"][0]
    assert (first["rank"], first["path"], first["label"]) == (1, "red/2.png", "red")
    assert first["score"] == pytest.approx(1.0, abs=1e-5)
    assert first["extra"]["year"] == 2000 + 4 + 4 + 2  # blue, green, red: a number, not a text
    assert str(photos) not in answer.text, "the paths of this machine are nobody's business"
    assert found["votes"][0]["label"] == "red"

    expected = Index.open(idx).vectors_of([first["id"]])[first["id"]]
    same = Index.open(idx).search(expected[None], 6)[0][:5]  # one more, for those who vote
    assert [hit["id"] for hit in found["hits"]] == [hit.record.id for hit in same]


def test_an_answer_says_how_long_its_search_took(client: Callable[..., TestClient]) -> None:
    ask = client()
    started = time.perf_counter()
    answer = ask.get(SEARCH, params={"text": "something green"}).json()
    assert 0 < answer["milliseconds"] < 1000 * (time.perf_counter() - started)


def test_a_picture_sent_once_can_be_asked_again_and_shown(
    client: Callable[..., TestClient], photos: Path
) -> None:
    ask = client()
    content = (photos / "blue" / "0.png").read_bytes()
    first = ask.post(SEARCH, content=content).json()
    key = first["query"]["picture"]
    again = ask.get(SEARCH, params={"picture": key}).json()
    assert again["hits"] == first["hits"]
    shown = ask.get(f"/api/pictures/{key}")
    assert Image.open(BytesIO(shown.content)).format == "WEBP"
    assert ask.get("/api/pictures/unknown").status_code == 404


def test_texts_and_items_ask_too(client: Callable[..., TestClient]) -> None:
    ask = client()
    by_text = ask.get(SEARCH, params={"text": "something green", "k": 4}).json()
    assert {hit["label"] for hit in by_text["hits"]} == {"green"}
    chosen = by_text["hits"][0]["id"]
    alike = ask.get(SEARCH, params={"like": chosen, "k": 3}).json()
    assert chosen not in [hit["id"] for hit in alike["hits"]]
    assert [hit["rank"] for hit in alike["hits"]] == [1, 2, 3]
    assert {hit["label"] for hit in alike["hits"]} == {"green"}


@pytest.mark.parametrize("modality", ["images", "captions"])
def test_server_and_command_let_the_same_items_vote_and_move_a_query(
    client: Callable[..., TestClient],
    photos: Path,
    idx: Path,
    tmp_path: Path,
    colour_model: Callable[..., Any],
    modality: str,
) -> None:
    for colour in ("blue", "green"):  # each once more, under another label
        shutil.copy(photos / colour / "1.png", photos / f"{colour}.png")
    with (photos / "set.csv").open("a") as table:
        table.write("blue.png,odd,2020,a red square 8\ngreen.png,odd,2020,a red square 8\n")
    here = tmp_path / "copies"
    Index.build(here, colour_model(), photos / "set.csv", name="colours", modality=modality)
    question = "a red square 8" if modality == "captions" else photos / "blue" / "1.png"
    options = SearchOptions(k=4, expansion=3, reranking=Reranking(among=6))
    (answer,) = ask(Index.open(here), colour_model(), question, options, "colours")
    wanted = {"k": 4, "expand": 3, "rerank": 6}
    address, asks = "/api/indexes/copies/search", client(here)
    if isinstance(question, Path):
        found = asks.post(address, content=question.read_bytes(), params=wanted).json()
    else:
        found = asks.get(address, params={"text": question, **wanted}).json()
    assert [hit["id"] for hit in found["hits"]] == [hit.record.id for hit in answer.hits]
    votes = [vote["confidence"] for vote in found["votes"]]
    assert votes == pytest.approx([vote.confidence for vote in answer.votes], abs=1e-5)
    own = found["hits"][0]["id"]
    like = asks.get(address, params={"like": own, **wanted}).json()
    assert [hit["id"] for hit in like["hits"][:3]] == [hit["id"] for hit in found["hits"][1:]]
    assert [vote["confidence"] for vote in like["votes"]] == pytest.approx(votes, abs=1e-5)


def test_a_weight_of_neighbours_without_any_is_refused(client: Callable[..., TestClient]) -> None:
    ask = client()
    refused = ask.get(SEARCH, params={"text": "red", "alpha": 2})
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("alpha weighs the neighbours of expand")
    assert refused.json()["hint"] == "add expand=N"
    assert ask.get(SEARCH, params={"text": "red", "alpha": 2, "expand": 3}).status_code == 200


def test_images_texts_and_items_asked_together_are_one_query(
    client: Callable[..., TestClient], photos: Path, idx: Path
) -> None:
    ask = client()
    red, blue = ((photos / name / "1.png").read_bytes() for name in ("red", "blue"))
    first, second = (
        ask.post("/api/indexes/idx/pictures", content=sent).json()["picture"]
        for sent in (red, blue)
    )
    found = ask.get(SEARCH, params={"picture": [first, second], "k": 12}).json()
    assert (found["query"]["kind"], found["query"]["pictures"]) == ("together", [first, second])
    stored = {hit["path"]: hit["id"] for hit in found["hits"]}
    index = Index.open(idx)
    parts = index.vectors_of([stored["red/1.png"], stored["blue/1.png"]])
    mean = torch.nn.functional.normalize(torch.stack(list(parts.values())).mean(dim=0), dim=0)
    expected = index.search(mean[None], 12)[0]
    assert [h["score"] for h in found["hits"]] == pytest.approx([h.score for h in expected])
    assert {hit["label"] for hit in found["hits"][:4]} <= {"red", "blue"}

    also = ask.post(SEARCH, content=red, params={"text": "green", "like": 0}).json()
    assert (also["query"]["text"], also["query"]["likes"]) == ("green", [0])
    assert also["total"] == 10, "the item, and the image sent with it, are left out"


def test_an_item_of_a_whitened_index_finds_its_like(
    client: Callable[..., TestClient],
    photos: Path,
    tmp_path: Path,
    colour_model: Callable[..., Any],
) -> None:
    Index.build(tmp_path / "white", colour_model(), photos, name="colours", whitening_dim=2)
    answer = client(tmp_path / "white").get("/api/indexes/white/search", params={"like": 0, "k": 3})
    assert [hit["label"] for hit in answer.json()["hits"]] == ["blue"] * 3


def test_a_model_of_images_alone_says_why_it_reads_no_text(
    idx: Path, colour_model: Callable[..., Any]
) -> None:
    from zoo.serve.encoder import Encoder

    model = colour_model()
    model.embed_texts = None
    assert Encoder(colour_model(), "colours").no_text == ""
    assert "trained on images alone" in Encoder(model, "colours").no_text


def test_filters_thresholds_and_pages_hold_everywhere(client: Callable[..., TestClient]) -> None:
    ask = client()
    asked = {"text": "red", "where": "label <> 'red' and year >= 2002"}
    found = ask.get(SEARCH, params=asked).json()
    assert found["total"] == 6
    assert {hit["label"] for hit in found["hits"]} == {"blue", "green"}

    everything = ask.get(SEARCH, params={"text": "red", "k": 12}).json()["hits"]
    second = ask.get(SEARCH, params={"text": "red", "k": 12, "offset": 5, "limit": 5}).json()
    assert second["hits"] == everything[5:10]
    assert second["total"] == 12

    middle = everything[3]["score"]
    above = ask.get(SEARCH, params={"text": "red", "k": 12, "threshold": middle}).json()
    assert [hit["score"] >= middle for hit in above["hits"]] == [True] * above["total"]

    page = ask.get("/api/indexes/idx/items", params={"offset": 10, "limit": 5}).json()
    assert (page["total"], [item["id"] for item in page["items"]]) == (12, [10, 11])


def test_pages_run_on_over_segments_and_leave_out_what_was_removed(
    client: Callable[..., TestClient], idx: Path, photos: Path, colour_model: Callable[..., Any]
) -> None:
    from zoo.data.dataset import read_dataset

    index = Index.open(idx)
    Image.new("RGB", (8, 8), (9, 9, 9)).save(photos / "grey.png")
    (photos / "more.csv").write_text("path,label,year\ngrey.png,grey,1999\n")
    index.add(colour_model(), read_dataset(photos / "more.csv"))
    index.remove(ids=[3, 4])
    ask = client()
    page = ask.get("/api/indexes/idx/items", params={"offset": 8, "limit": 3}).json()
    assert (page["total"], [item["id"] for item in page["items"]]) == (11, [10, 11, 12])
    assert page["items"][2]["label"] == "grey"


def test_an_index_is_described_with_its_values(client: Callable[..., TestClient]) -> None:
    ask = client()
    listed = ask.get("/api/indexes").json()
    (index,) = listed["indexes"]
    assert (index["name"], index["count"], index["sees"], index["reads"]) == ("idx", 12, True, True)
    assert ask.get("/api/indexes/idx").json() == index
    assert listed["limits"]["k"] == 1_000
    labels = ask.get("/api/indexes/idx/values", params={"column": "label"}).json()
    assert (labels["values"], labels["counts"]) == (["blue", "green", "red"], [4, 4, 4])
    assert (index["no_text"], index["no_images"], index["model"]) == ("", "", "colours")
    years = ask.get("/api/indexes/idx/values", params={"column": "year"}).json()["values"]
    assert sorted(years) == list(range(2000, 2012))


def test_indexes_of_one_name_are_told_apart(
    client: Callable[..., TestClient], idx: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    Index.merge(tmp_path / "other" / "idx", [idx])
    names = client(idx, tmp_path / "other" / "idx").get("/api/indexes").json()["indexes"]
    assert [index["name"] for index in names] == ["idx", "idx-2"]


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"text": "  "}, 400, "empty"),
        ({"text": "x" * 1_001}, 400, "longer than 1000"),
        ({}, 400, "1 to 16 parts, this one 0"),
        ({"like": list(range(12)) + list(range(5))}, 400, "1 to 16 parts, this one 17"),
        ({"like": 99}, 404, "no item 99"),
        ({"like": 2**64}, 422, "like"),
        ({"like": "one"}, 422, "like"),
        ({"picture": "ff"}, 404, "does not remember"),
        ({"text": "red", "k": 0}, 422, "k"),
        ({"text": "red", "k": 1_001}, 400, "more than this server's 1000"),
        ({"text": "red", "threshold": "nan"}, 422, "threshold"),
        ({"text": "red", "limit": 1_000}, 422, "limit"),
        ({"text": "red", "treshold": 0.5}, 422, "treshold"),
        ({"text": "red", "where": "nonsense = 1"}, 400, "condition 'nonsense = 1': no such column"),
        ({"text": "red", "where": "load_extension('x')"}, 400, "condition"),
        ({"text": "red", "where": "x" * 2_001}, 400, "longer than 2000"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    client: Callable[..., TestClient], asked: dict[str, Any], status: int, says: str
) -> None:
    answer = client().get(SEARCH, params=asked)
    assert answer.status_code == status
    body = answer.json()
    assert set(body) == {"error", "code", "hint"}
    assert body["code"] == status
    assert says in body["error"]


def test_unknown_places_are_404_with_the_same_body(client: Callable[..., TestClient]) -> None:
    ask = client()
    for path in ("/api/indexes/none", "/nowhere", "/api/indexes/idx/items/77"):
        answer = ask.get(path)
        assert (answer.status_code, set(answer.json())) == (404, {"error", "code", "hint"})
    assert ask.get("/api/indexes/none").json()["hint"] == "served here: idx"
    assert ask.get("/api/indexes/idx/values", params={"column": "no"}).status_code == 404
    assert ask.post("/api/detect", content=b"x").status_code == 404
    assert ask.delete("/api/indexes/idx").status_code == 405


def test_questions_that_wait_together_make_one_pass(
    open_service: Callable[..., Service], photos: Path
) -> None:
    import asyncio

    from zoo.serve.answers import Asked

    service = open_service(limits=Limits(rate=0, batch=32))
    index = service.library["idx"]
    contents = [path.read_bytes() for path in sorted(photos.rglob("*.png"))]
    passes: list[int] = []
    forward = index.encoder.model.forward

    def counted(images: torch.Tensor) -> torch.Tensor:
        passes.append(len(images))
        until = time.monotonic() + 60
        while passes == [len(images)] and len(images) + service.worker.queued < 12:
            assert time.monotonic() < until, "nothing waits beside the first pass"
            time.sleep(0.001)
        result: torch.Tensor = forward(images)
        return result

    index.encoder.model.forward = counted

    async def ask() -> list[str]:
        async def one(content: bytes) -> str:
            asked = Asked(picture=[await service.picture(index, content)], k=1)
            found = await service.find(index, await service.question(index, asked), asked)
            return found.hits[0].path

        return await asyncio.gather(*(one(content) for content in contents))

    found = asyncio.run(ask())
    service.close()
    assert found == [str(p.relative_to(photos)) for p in sorted(photos.rglob("*.png"))]
    assert sum(passes) == 12
    assert len(passes) <= 2  # the first, and one for all that came during it


def test_prometheus_reads_the_metrics(client: Callable[..., TestClient]) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    ask = client()
    ask.get(SEARCH, params={"text": "red"})
    ask.get(SEARCH)
    text = ask.get("/metrics").text
    families = {f.name: f for f in text_string_to_metric_families(text)}
    counted = {
        (s.labels["route"], s.labels["status"]): s.value
        for s in families["rankzoo_requests"].samples
        if s.name == "rankzoo_requests_total"
    }
    assert counted["/api/indexes/{name}/search", "200"] == 1
    assert counted["/api/indexes/{name}/search", "400"] == 1
    assert families["rankzoo_items"].samples[0].value == 12
    assert ask.get("/health").json() == {"status": "ok"}


def test_the_page_is_whole_and_asks_no_other_host(client: Callable[..., TestClient]) -> None:
    import re

    ask = client()
    page = ask.get("/")
    assert page.headers["content-type"].startswith("text/html")
    seen: set[str] = set()
    wanted = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    while wanted:
        path = wanted.pop()
        answer = ask.get(path)
        assert answer.status_code == 200, path
        assert "http://" not in answer.text.replace("http://www.w3.org", "")
        assert "https://" not in answer.text
        seen.add(path)
        wanted += [p for p in re.findall(r'from "(/static/[^"]+)"', answer.text) if p not in seen]
    assert {"/static/app.js", "/static/api.js", "/static/style.css"} <= seen
