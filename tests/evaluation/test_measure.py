"""A job by its name: the protocol follows from the data, the encoder and the kind of model."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from zoo.data.datasets.voc import CLASSES
from zoo.data.preprocessing import Preprocessing
from zoo.errors import UsageError
from zoo.evaluation.measure import Outcome, evaluate_embedder
from zoo.evaluation.options import EvalOptions, InputOptions, RefineOptions, ReportOptions
from zoo.evaluation.session import evaluate_embedders, evaluate_scorers
from zoo.evaluation.subject import open_subject
from zoo.hub.run_card import run_card, run_results
from zoo.models import EmbedderConfig, build_embedder, save_embedder
from zoo.models.scorer import Scorer, ScorerConfig, save_scorer
from zoo.runs.reading import read_run
from zoo.search.options import Reranking

SMALL = Preprocessing(size=32, resize=32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    save_embedder(build_embedder(EmbedderConfig("test_resnet", preprocessing=SMALL)), folder)
    return str(folder)


def evaluate_model(name: str, options: EvalOptions) -> Outcome:
    return evaluate_embedder(open_subject(name), options)


def image(path: Path, place: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 16), (60 * place % 256, 90, 250 - 50 * place)).save(path)
    return path


def test_a_public_set_in_its_own_layout_brings_its_protocol(model: str, tmp_path: Path) -> None:
    head = "image_id class_id super_class_id path\n"
    for split in ("train", "test"):
        rows = []
        for n in range(6):
            name = f"bicycle_final/{split}{n}.jpg"
            image(tmp_path / name, n // 2)
            rows.append(f"{n} {n // 2} 1 {name}\n")
        (tmp_path / f"Ebay_{split}.txt").write_text(head + "".join(rows))
    found = evaluate_model(model, EvalOptions(tmp_path)).final
    assert found.protocol == "sop"
    assert {"recall_at_1000", "map_at_r", "h_ap"} <= found.metrics.keys()
    assert found.definition.startswith("SOP. Every test image")
    assert "the other 5 images" in found.definition
    assert (found.queries, found.options["input"]) == (6, "shorter side 32, centre 32 x 32")


def test_dymls_lists_are_searched_one_by_one_and_a_split_as_labels(
    model: str, tmp_path: Path
) -> None:
    (tmp_path / "train").mkdir()
    rows = ["fname, fine_id0.jpg, middle_id, coarse_id", "a.jpg, 4, 1, 0", "b.jpg, 4, 1, 0"]
    (tmp_path / "train/label.csv").write_text("\n".join(rows) + "\n")
    for n, name in enumerate("ab"):
        image(tmp_path / f"train/imgs/{name}.jpg", n)
    for level in ("fine", "middle", "coarse"):
        folder = tmp_path / f"bmk_{level}"
        for n, name in enumerate("qgh"):
            image(folder / f"gallery/{name}.jpg", n)
        image(folder / "query/q.jpg", 0)
        (folder / "query.csv").write_text("fname, labels0.jpg\nq.jpg, 7\n")
        (folder / "gallery.csv").write_text("fname, labels0.jpg\nq.jpg, 7\ng.jpg, 7\nh.jpg, 8\n")
    lists = evaluate_model(model, EvalOptions(tmp_path, "dyml-vehicle")).final
    assert "the lists fine, middle, coarse searches the images of its list" in lists.definition
    assert lists.queries == 3
    alone = evaluate_model(model, EvalOptions(tmp_path, "dyml-vehicle", split="train")).final
    assert (alone.queries, alone.gallery) == (2, 2)


@pytest.mark.parametrize("levels", [1, 2])
def test_metrics_over_a_hierarchy_are_those_of_data_with_one(
    model: str, tmp_path: Path, levels: int, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("label", "label_level_2")[:levels]
    rows = [",".join(("path", "split", *names))]
    for n in range(6):
        image(tmp_path / f"{n}.jpg", n // 2)
        rows.append(",".join((f"{n}.jpg", "test", *(f"{n // 2}", "x")[:levels])))
    (tmp_path / "photos.csv").write_text("\n".join(rows) + "\n")
    found = evaluate_model(model, EvalOptions(tmp_path / "photos.csv")).final
    assert ("h_ap" in found.metrics) == ("ndcg" in found.metrics) == (levels == 2)
    assert found.queries == 6
    assert "no tree" not in caplog.text
    crossed = [rows[0], *(f"{row.removesuffix('x')}{n}" for n, row in enumerate(rows[1:]))]
    (tmp_path / "photos.csv").write_text("\n".join(crossed if levels == 2 else rows) + "\n")
    evaluate_model(model, EvalOptions(tmp_path / "photos.csv"))
    assert ("3 of label in several of label_level_2" in caplog.text) == (levels == 2)


def test_landmarks_are_measured_whole_cropped_and_at_several_scales(
    model: str, tmp_path: Path
) -> None:
    for n, name in enumerate("abcq"):
        image(tmp_path / "jpg" / f"{name}.jpg", n)
    judged = {"bbx": [0, 0, 20, 16], "easy": [0], "hard": [1], "junk": [2]}
    truth = {"imlist": ["a", "b", "c"], "qimlist": ["q"], "gnd": [judged]}
    (tmp_path / "gnd_roxford5k.pkl").write_bytes(pickle.dumps(truth, protocol=2))
    shape, refine = InputOptions(64, (1.0, 0.5)), RefineOptions(expansion=1)
    job = EvalOptions(tmp_path, "roxford", input=shape, refine=refine)
    plain, refined = evaluate_model(model, job).evaluations
    assert plain.options == {
        "input": "whole images, longer side 64",
        "scales": "1, 0.5",
        "query": "cropped to its box",
    }
    assert refined.options["expansion"] == "queries + 1 neighbours weighted by similarity^3"
    assert 0 < plain.metrics["map_medium"] <= 1


def voc(root: Path, images: int = 4) -> Path:
    sets = root / "VOC2007" / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    names = [f"{n:06}" for n in range(images)]
    for n, name in enumerate(names):
        image(root / "VOC2007" / "JPEGImages" / f"{name}.jpg", n)
    (sets / "test.txt").write_text("\n".join(names) + "\n")
    for place, kind in enumerate(CLASSES):
        marks = [f"{name} {1 if n % 2 == place % 2 else -1}" for n, name in enumerate(names)]
        (sets / f"{kind}_test.txt").write_text("\n".join(marks) + "\n")
    return root


def test_a_scorer_is_measured_class_by_class_and_compared(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
        save_scorer(Scorer(ScorerConfig("test_resnet", SMALL, CLASSES)), folder)
    session = evaluate_scorers(
        [*map(str, folders)], EvalOptions(voc(tmp_path / "voc")), ReportOptions(save=True)
    )
    assert {"voc_map_11_point", "voc_map_area", "ap_cat"} <= session.final.metrics.keys()
    means = ["voc_map_11_point", "voc_map_area"]
    assert [row.metric for row in session.rows] == [*means, *(f"ap_{name}" for name in CLASSES)]
    kept = json.loads((folders[0] / "results.json").read_text())
    assert kept["metrics"] == session.outcomes[0].final.metrics


def test_an_embedder_cannot_be_measured_on_classes(model: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a model that scores classes"):
        evaluate_model(model, EvalOptions(voc(tmp_path), "voc07"))


def test_saved_numbers_fill_the_card_and_leave_what_training_noted(
    model: str, tmp_path: Path
) -> None:
    (Path(model) / "results.json").write_text('{"seconds": 12, "metrics": {"old": 1}}')
    for n in range(4):
        image(tmp_path / "photos" / f"class{n // 2}" / f"{n}.png", n)
    job = EvalOptions(tmp_path / "photos", split="all")
    evaluate_embedders([model], job, ReportOptions(save=True, command="rankzoo eval this"))
    kept = json.loads((Path(model) / "results.json").read_text())
    assert kept["seconds"] == 12
    assert "old" not in kept["metrics"]
    card = run_card(read_run(Path(model)), "photos", licence="apache-2.0")
    for part in ("recall_at_1", "rankzoo eval this", kept["definition"]):
        assert part in card


def test_a_card_shows_refined_numbers_beside_plain_ones_and_says_what_was_done(
    model: str, tmp_path: Path
) -> None:
    (Path(model) / "results.json").write_text('{"data": "flowers", "before": {"recall_at_1": 0.1}}')
    for n in range(6):
        image(tmp_path / "photos" / f"class{n // 3}" / f"{n}.png", n)
    refine = RefineOptions(expansion=2, reranking=Reranking())
    job, told = (
        EvalOptions(tmp_path / "photos", split="all", refine=refine),
        ReportOptions(save=True),
    )
    found = evaluate_embedders([model], job, told).as_json()
    kept = json.loads((Path(model) / "results.json").read_text())
    assert (kept["metrics"], kept["unrefined"]) == (found["metrics"], found["unrefined"])
    assert kept["data"] == "photos"
    card = run_card(read_run(Path(model)), "photos", licence="apache-2.0")
    plain, refined = (kept[key]["map_at_r"] for key in ("unrefined", "metrics"))
    assert "| metric | plain | refined |" in card
    assert f"| map_at_r | {plain:.4f} | {refined:.4f} |" in card
    for said in (f"{name}: {what}" for name, what in found["options"].items()):
        assert f"- {said}" in card
        assert all(said in result.options for result in run_results(read_run(Path(model))))
    assert found["options"].keys() >= {"expansion", "reranking"}

    plainly = replace(job, refine=RefineOptions())
    evaluate_embedders([model], plainly, told)
    card = run_card(read_run(Path(model)), "photos", licence="apache-2.0")
    assert "refined" not in card
    assert f"| map_at_r | {plain:.4f} |" in card


def test_captions_are_embedded_by_the_encoder_that_is_named(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = []
    for n in range(10):
        image(tmp_path / f"{n}.jpg", n)
        sentences = [{"raw": f"caption {n} {i}"} for i in range(2)]
        entries.append({"filename": f"{n}.jpg", "split": "test", "sentences": sentences})
    (tmp_path / "dataset_coco.json").write_text(json.dumps({"images": entries}))
    dim = build_embedder(EmbedderConfig("test_resnet", preprocessing=SMALL)).dim

    class Reader(torch.nn.Module):
        def embed_texts(self, texts: list[str], batch_size: int = 64) -> torch.Tensor:
            assert texts[:2] == ["caption 0 0", "caption 0 1"]
            return torch.nn.functional.normalize(torch.randn(len(texts), dim), dim=1)

    monkeypatch.setattr("zoo.evaluation.subject.load", lambda name, offline: Reader())
    found = evaluate_model(model, EvalOptions(tmp_path, "coco-1k", text_model="words")).final
    assert (found.protocol, found.gallery, found.options["folds"]) == ("coco-1k", 2, "5")
    assert "rsum" in found.metrics
    monkeypatch.undo()
    with pytest.raises(UsageError, match="no text side") as caught:
        evaluate_model(model, EvalOptions(tmp_path, "coco-1k"))
    assert "--text-model" in caught.value.hint


def test_captions_of_ones_own_need_no_labels(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{image(tmp_path / f'{n}.png', n).name},caption {n}" for n in range(4)]
    (tmp_path / "own.csv").write_text("\n".join(["path,caption", *rows]), encoding="utf-8")
    dim = build_embedder(EmbedderConfig("test_resnet", preprocessing=SMALL)).dim

    class Reader(torch.nn.Module):
        def embed_texts(self, texts: list[str], batch_size: int = 64) -> torch.Tensor:
            return torch.nn.functional.normalize(torch.randn(len(texts), dim), dim=1)

    monkeypatch.setattr("zoo.evaluation.subject.load", lambda name, offline: Reader())
    own = EvalOptions(tmp_path / "own.csv", "captions", text_model="words", split="all")
    found = evaluate_model(model, own).final
    assert (found.protocol, found.queries, found.gallery) == ("captions", 8, 4)
