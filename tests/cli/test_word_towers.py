"""A paper's two towers from the command line: trained, measured, indexed, asked in words."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import zoo
from tests.cli.walk import rankzoo
from zoo.data.preprocessing import Preprocessing
from zoo.models import EmbedderConfig, build_embedder, save_embedder
from zoo.models.two_towers import TwoTowers

COLOURS = {"red": (230, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 230), "grey": (128,) * 3}
SMALL = {
    "data.reader": "folder",
    "network.size": "32",
    "network.resize": "32",
    "network.maps": "16",
    "network.dim": "16",
    "network.frozen": "[]",
    "augmentation.size": "32",
    "captions.frozen_epochs": "0",
    "captions.layers": "2",
    "loss": "info_nce",
    "optimiser.lr": "0.003",
    "schedule.steps": "80",
    "schedule.decay_at": "[]",
    "network.dropout": "0.0",
    "schedule.frozen_epochs": "0",
}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Images of four colours with two captions each, their words' vectors, and a small network."""
    torch.manual_seed(0)
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=32, resize=32))
    save_embedder(build_embedder(config), tmp_path / "model")
    rows = []
    for name, colour in COLOURS.items():
        for n in range(6):
            path = tmp_path / f"{name}{n}.png"
            Image.new("RGB", (40, 40), tuple(min(255, c + 4 * n) for c in colour)).save(path)
            split = "test" if n > 3 else "train"
            captions = [f"a {name} square", f"it isn't a dog, it's {name.title()}"]
            rows.append(json.dumps({"path": path.name, "captions": captions, "split": split}))
    (tmp_path / "pairs.jsonl").write_text("\n".join(rows))
    words = [*COLOURS, "a", "square", "it", "is", "n't", "dog", ","]
    table = torch.randn(len(words), 8).tolist()
    lines = (f"{word} {' '.join(map(str, row))}" for word, row in zip(words, table, strict=True))
    (tmp_path / "vectors.txt").write_text("\n".join(lines))
    return tmp_path


def train(here: Path, *more: str) -> tuple[int, dict[str, Any]]:
    sets = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    recipe = ("train", "coco-resnet152-triplet", "--model", str(here / "model"), *sets)
    data = ("--data", str(here / "pairs.jsonl"), "--batch-size", "8", "--workers", "0")
    return rankzoo(*recipe, *data, "--out", str(here / "run"), *more)


def test_both_towers_are_trained_measured_indexed_and_asked_in_words(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, idx = str(here / "run"), str(here / "idx")
    code, trained = train(here, "--set", f"captions.vectors={here / 'vectors.txt'}")
    assert code == 0, trained
    assert "1 of 16 different words have no vector, and share one: 's" in capsys.readouterr().err
    code, measured = rankzoo("eval", run, "--data", str(here / "pairs.jsonl"))
    assert code == 0, measured
    assert measured["metrics"] == trained["metrics"]
    images = ("--images", str(here / "pairs.jsonl"), "--workers", "0")
    assert rankzoo("index", "build", "--model", run, *images, "--out", idx)[0] == 0
    model = zoo.load(run)
    assert isinstance(model, TwoTowers)
    paths = sorted(here.glob("*.png"))
    for name in COLOURS:
        text = f"a {name} square"
        code, found = rankzoo("search", idx, "--text", text, "-k", "6")
        assert code == 0, found
        scores = model.embed_images(paths) @ model.embed_texts([text])[0]
        expected = {paths[place].name for place in scores.topk(6).indices}
        assert {Path(hit["path"]).name for hit in found["results"][0]["hits"]} == expected
    before, after = trained["before"], trained["metrics"]
    assert after["i2t_recall_at_1"] > before["i2t_recall_at_1"]  # 50 and 100 of 100 here


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("vectors", "code", "said"),
    [("", 2, "reads vectors of words"), ("nowhere.txt", 3, "there are no word vectors")],
)
def test_a_run_without_its_vectors_leaves_nothing(
    vectors: str, code: int, said: str, more: tuple[str, ...], here: Path
) -> None:
    found, value = train(here, "--set", f"captions.vectors={vectors}", *more)
    assert (found, said in str(value["error"])) == (code, True), value
    assert not (here / "run").exists()
