"""The commands, run as a person runs them, with a tiny real embedder."""

import csv
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet
from torch import nn

from cli.main import main
from tests.cli.walk import rankzoo
from zoo.data.dataset import read_dataset
from zoo.embedding.identity import identify, weights_sha256
from zoo.embedding.sizes import MultiScale
from zoo.errors import UsageError
from zoo.files import sha256_of, write_json
from zoo.index import Index, Record
from zoo.models import load_embedder

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command through the funnel and return what it printed as JSON."""

    def run(*arguments: object, code: int = 0) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["rankzoo", *map(str, arguments), "--json"])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr().out
        assert (end.value.code or 0) == code, printed
        value: dict[str, Any] = json.loads(printed)
        return value

    return run


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command through the funnel and return what a person reads."""

    def say(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["rankzoo", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code
        return capsys.readouterr().out

    return say


def test_build_search_add_remove_verify(
    run: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    index = tmp_path / "idx"
    built = run("index", "build", "--model", model, "--images", photos, "--out", index)
    assert (built["count"], built["kind"], built["model"]) == (12, "Flat", str(model))

    query = photos / "red" / "1.png"
    page = tmp_path / "found.html"
    found = run("search", index, query, "-k", 3, "--html", page, "--where", "label <> 'blue'")
    (answer,) = found["results"]
    first = answer["hits"][0]
    assert (answer["query"], len(answer["hits"])) == (str(query), 3)
    assert (first["rank"], first["path"], first["label"]) == (1, str(query), "red")
    assert first["score"] == pytest.approx(1.0, abs=1e-5)
    assert page.read_text().count("<img") == 4

    Image.new("RGB", (8, 8), (1, 2, 3)).save(photos / "red" / "new.png")
    added = run("index", "add", index, "--images", photos)
    assert (added["added"], added["kept"], added["count"]) == (1, 12, 13)
    assert run("index", "remove", index, "--where", "label = 'blue'")["removed"] == 4
    assert run("index", "compact", index)["count"] == 9
    verified = run("index", "verify", index)
    assert (verified["count"], verified["ok"]) == (9, True)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_condition_means_the_same_whatever_file_the_values_came_from(
    kind: str, run: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    known = {"0": (True, 1e3, 7.5), "1": (False, 1.0, 20), "2": (None, None, 3)}
    data = tmp_path / "data"
    rows: list[dict[str, Any]] = []
    for name, (published, size, price) in known.items():
        path = photos / "red" / f"{name}.png"
        rows.append({"published": published, "size": size, "price": price, "name": name})
        if kind == "parquet":
            rows[-1]["image"] = {"bytes": path.read_bytes(), "path": f"{name}.png"}
        else:
            rows[-1]["path"] = str(path)
    data.mkdir()
    if kind == "parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), data / "train.parquet")
    elif kind == "jsonl":
        (data / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with (data / "manifest.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    run("index", "build", "--model", model, "--images", data, "--out", tmp_path / "idx")
    for where, names in {
        "published": "0",
        "not published": "1",
        "published is null": "2",
        "size > 500": "0",
        "size = 1": "1",
        "price < 10": "02",
    }.items():
        query = photos / "red" / "1.png"
        (answer,) = run("search", tmp_path / "idx", query, "--where", where)["results"]
        assert sorted(str(hit["name"]) for hit in answer["hits"]) == list(names), where


def test_a_landmark_index_asks_as_it_was_built(
    run: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    index, query = tmp_path / "idx", photos / "red" / "1.png"
    options = ("--scales", "1,0.5", "--whiten", "--whitening-dim", 3)
    run("index", "build", "--model", model, "--images", photos, "--out", index, *options)
    shown = run("index", "info", index)
    assert (shown["whitened"], shown["dim"]) == (True, 3)
    (plain,) = run("search", index, query, "-k", 2)["results"]
    assert plain["hits"][0]["path"] == str(query)
    assert plain["hits"][0]["score"] == pytest.approx(1.0, abs=1e-4)
    (refined,) = run(*("search", index, query, "-k", 2, "--expand", 2, "--rerank", 6, "--vote"))[
        "results"
    ]
    assert refined["votes"][0]["label"] == "red"
    assert run("index", "add", index, "--images", photos)["kept"] == 12
    both = MultiScale(load_embedder(model), (1.0, 0.5)).embed_images([query])
    vector = Index.open(index).search(both, 1)[0][0]
    assert vector.score == pytest.approx(1.0, abs=1e-4)
    with pytest.raises(UsageError, match="not their preprocessing"):
        Index.open(index).add(load_embedder(model), read_dataset(photos))


@pytest.fixture
def captions(model: Path, photos: Path, tmp_path: Path) -> Path:
    """An index of two captions an image, half of them without a label."""
    paths = sorted(photos.rglob("*.png"))
    rows = [
        Record(str(path), f"{n}-{i}", caption=f"caption {n} of {i}", labels=labels)
        for i, path in enumerate(paths)
        for n, labels in ((0, {"label": f"label {i}"}), (1, {}))
    ]
    network = load_embedder(model)
    vectors = network.embed_images([row.path for row in rows])
    made_by = identify(network, str(model))
    Index.from_vectors(tmp_path / "captions", vectors, rows, made_by, modality="captions")
    return tmp_path / "captions"


def test_hits_and_duplicates_show_their_captions_beside_their_labels(
    run: Run, say: Callable[..., str], photos: Path, captions: Path, tmp_path: Path
) -> None:
    query, pages = photos / "blue" / "0.png", [tmp_path / "found.html", tmp_path / "map.html"]
    hits = run("search", captions, query, "-k", 4, "--html", pages[0])["results"][0]["hits"]
    table = say("search", captions, query, "-k", 4)
    say("index", "map", captions, "--html", pages[1])
    assert table.splitlines()[1].split() == ["rank", "score", "label", "caption", "path"]
    for hit in hits:
        assert hit["caption"] in table
        assert hit.get("label", "") in table
        assert all(hit["caption"] in page.read_text() for page in pages)
    groups = run("index", "duplicates", captions, "--threshold", "0.999")["groups"]
    listed = say("index", "duplicates", captions, "--threshold", "0.999")
    assert all(hit["caption"] in listed for group in groups for hit in group)


def test_an_index_that_was_not_tuned_tells_no_empty_table(
    say: Callable[..., str], captions: Path
) -> None:
    told = [line.split()[0] for line in say("index", "info", captions).splitlines()]
    assert {"levels", "segments", "removed"} <= set(told)
    assert not {"tuning", "columns"} & set(told)


def test_a_dry_run_says_whose_seconds_it_tells(
    model: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("index", "build", "--model", str(model), "--images", str(photos), "--dry-run")
    out = ("--out", str(tmp_path / "idx"))
    assert rankzoo(*words, *out, "--shards", "2")[0] == 0
    assert "of one process, however the set is divided" in capsys.readouterr().err
    assert rankzoo(*words, *out)[0] == 0
    assert capsys.readouterr().err == ""
    assert not (tmp_path / "idx").exists()


def test_errors_have_their_codes_and_leave_the_index_as_it_was(
    run: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    index = tmp_path / "idx"
    run("index", "build", "--model", model, "--images", photos, "--out", index)
    again = run("index", "build", "--model", model, "--images", photos, "--out", index, code=2)
    assert "already exists" in again["error"]
    assert "empty" in run("search", index, " ", code=2)["error"]
    assert "does not exist" in run("search", index, "no.png", code=4)["error"]
    assert (
        "no such column"
        in run("search", index, photos / "red", "--where", "x = 1", code=2)["error"]
    )
    assert "cannot read text" in run("search", index, "a red wall", code=2)["error"]
    assert "is no index" in run("index", "info", photos, code=4)["error"]
    path = next(index.glob("segments/*/vectors.faiss"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "is damaged" in run("index", "verify", index, code=5)["error"]
    assert "is damaged" in run("search", index, photos / "red", code=5)["error"]


def test_an_index_follows_its_images_to_another_folder(
    run: Run, model: Path, photos: Path, tmp_path: Path
) -> None:
    index, there = tmp_path / "idx", tmp_path / "there"
    run("index", "build", "--model", model, "--images", photos, "--out", index)
    photos.rename(there)
    wrong = run("index", "relocate", index, tmp_path / "nowhere", code=3)
    assert wrong["error"] == f"{tmp_path / 'nowhere'} is no folder"
    wrong = run("index", "relocate", index, tmp_path, code=3)
    assert "none of the 12 images" in wrong["error"]
    (there / "red" / "1.png").unlink()
    moved = run("index", "relocate", index, there)
    counts = {"count": 12, "missing": 1, "outside": 0}
    assert moved == {"schema_version": 1, "root": str(there), **counts}
    added = run("index", "add", index, "--images", there)
    assert (added["added"], added["kept"], added["count"]) == (0, 11, 12)
    found = run("search", index, there / "red" / "0.png", "-k", 1)["results"][0]["hits"][0]
    assert Path(found["path"]).is_file()
    assert run("index", "info", index)["history"][-1]["event"] == "relocate"


def test_items_outside_of_the_folder_do_not_move_with_it_and_are_counted(
    run: Run, model: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index, other, there = tmp_path / "idx", tmp_path / "other", tmp_path / "there"
    shutil.copytree(photos / "red", other / "red")
    Image.new("RGB", (8, 8)).save(other / "red" / "new.png")
    run("index", "build", "--model", model, "--images", photos, "--out", index)
    run("index", "add", index, "--images", other)
    photos.rename(there)
    empty = tmp_path / "empty"
    empty.mkdir()
    before = run("index", "info", index)
    for wrong, problem in (
        (tmp_path / "nowhere", "is no folder"),
        (there / "red" / "0.png", "is no folder"),
        (empty, "none of the 12 images"),  # the five others are where they were
    ):
        assert problem in run("index", "relocate", index, wrong, code=3)["error"]
    assert run("index", "info", index) == before
    code, moved = rankzoo("index", "relocate", str(index), str(there))
    assert (code, moved["count"], moved["missing"], moved["outside"]) == (0, 17, 0, 5)
    assert "5 items lie outside of the folder" in capsys.readouterr().err
    assert (Index.open(index).root, Index.open(index).outside()) == (there, 5)


def test_a_models_weights_are_hashed_once_as_a_file_and_once_as_tensors_a_command(
    run: Run, model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def of_tensors(network: nn.Module) -> str:
        hashed.append("tensors")
        return weights_sha256(network)

    def of_a_file(path: Path) -> str:
        if path.suffix == ".safetensors":
            hashed.append("file")  # against the folder's seal
        return sha256_of(path)

    monkeypatch.setattr("zoo.embedding.identity.weights_sha256", of_tensors)
    for user in ("zoo.cards.model_files", "zoo.hub.download", "zoo.files.writing"):
        monkeypatch.setattr(f"{user}.sha256_of", of_a_file)
    index = tmp_path / "idx"
    run("index", "build", "--model", model, "--images", photos, "--out", index)
    assert hashed == ["file", "tensors"]
    run("search", index, photos / "red" / "1.png")
    assert hashed == ["file", "tensors"] * 2


def test_the_task_is_asked_before_any_image_is_read(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.data.dataset.read_dataset", lambda *_, **__: pytest.fail("read"))
    write_json(tmp_path / "m" / "config.json", {"sorter": {}})
    told = ("--model", tmp_path / "m", "--images", photos, "--out", tmp_path / "idx")
    assert "takes no sorter" in run("index", "build", *told, code=2)["error"]
