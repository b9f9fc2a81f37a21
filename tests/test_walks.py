"""The walks of the docs: who types a page's commands on data of the page's shape gets its end.

The data are tiny, and so are the networks: a folder with the name that the page gives to `--model`
lies in the current folder, and a name that is a path is a path first.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from cli.main import main
from tests.models.tiny_clip import tiny_clip
from zoo.data.preprocessing import Preprocessing
from zoo.data.synthetic.scenes import build_scenes
from zoo.files import write_json
from zoo.models import Embedder, EmbedderConfig
from zoo.models.embedder import save_embedder
from zoo.tasks import load

ROOT = Path(__file__).parents[1]
DOCS = ROOT / ".github" / "docs"
COLOURS = ("red", "green", "blue", "white")


def commands(page: str) -> list[str]:
    """The lines of a page's blocks of commands."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.S)
    assert "--set" not in "".join(blocks)
    return [line for block in blocks for line in block.splitlines()]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with the networks that the pages name, in small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    shape = Preprocessing(size=32, resize=32)
    Path("efficientnet_lite0").mkdir()
    save_embedder(
        Embedder(EmbedderConfig("test_resnet", preprocessing=shape)), Path("efficientnet_lite0")
    )
    tiny_clip(Path("openai/clip-vit-base-patch32"))
    return tmp_path


@pytest.fixture
def walk(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[list[str]], list[str]]:
    """Return a function that runs command lines in `desk` and returns what each printed."""

    def run(lines: list[str]) -> list[str]:
        said = []
        for line in lines:
            words = shlex.split(line)
            assert words[0] == "rankzoo"
            if words[1] == "serve":
                said.append(served(words[1:]))
                continue
            monkeypatch.setattr(sys, "argv", [*words, *EXTRA.get(words[1], ())])
            with pytest.raises(SystemExit) as ended:
                main()
            told = capsys.readouterr()
            assert not ended.value.code, f"{line}\n{told.err}"
            said.append(told.out)
        return said

    return run


EXTRA = {"train": ("--workers", "0", "--device", "cpu"), "serve": ("--port", "0", "--json")}


def served(words: list[str]) -> str:
    """The first page of a server that is started and stopped."""
    command = [sys.executable, "-m", "cli", *words, *EXTRA["serve"]]
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=here) as server:
        assert server.stdout is not None
        try:
            address = json.loads(server.stdout.readline())["url"]
            with urllib.request.urlopen(address, timeout=60) as page:
                return str(page.read().decode())
        finally:
            server.terminate()


def square(path: str, number: int) -> str:
    """Draw a square, of a colour by its number modulo 4."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    colours = ((220, 9, 9), (9, 200, 9), (9, 9, 220), (240, 240, 240))
    shade = tuple(max(0, c - 3 * number) for c in colours[number % 4])
    PIL.Image.new("RGB", (40, 40), shade).save(path)
    return path


def table(path: str, header: str, rows: list[str]) -> None:
    Path(path).write_text("\n".join([header, *rows]) + "\n")


@pytest.mark.long
def test_a_folder_of_photos_ends_on_a_search_page(
    walk: Callable[[list[str]], list[str]], desk: Path
) -> None:
    for number in range(40):
        square(f"photos/{number % 10}{COLOURS[number % 4]}/{number}.png", number)
    *_, evaluated, _, page = walk(commands("photos.md"))
    assert "recall_at_1" in evaluated
    assert "<title>rankzoo search</title>" in page
    assert (desk / "runs/photos/model.safetensors").is_file()


@pytest.mark.long
def test_classes_within_classes_end_on_a_search_page(
    walk: Callable[[list[str]], list[str]],
) -> None:
    rows = [
        f"{square(f'i/{n}.png', n)},{COLOURS[n % 4]} {n % 8},{COLOURS[n % 4]},{n % 2}"
        for n in range(40)
    ]
    table("trees.csv", "path,label,label_level_2,label_level_3", rows)
    _, evaluated, _, page = walk(commands("hierarchy.md"))
    assert "h_ap" in evaluated
    assert "<title>rankzoo search</title>" in page


@pytest.mark.long
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_images_and_captions_end_on_a_search_page(
    walk: Callable[[list[str]], list[str]], suffix: str
) -> None:
    pairs = [(square(f"i/{n}.png", n), f"a {COLOURS[n % 4]} square") for n in range(20)]
    if suffix == ".csv":
        table("pairs.csv", "path,caption", [",".join(pair) for pair in pairs])
    else:
        lines = ({"path": path, "captions": [said, "a photo"]} for path, said in pairs)
        Path("pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    lines_of_page = [line.replace(".csv", suffix) for line in commands("captions.md")]
    _, evaluated, _, page = walk(lines_of_page)
    assert "text_to_image" in evaluated or "rsum" in evaluated
    assert "<title>rankzoo search</title>" in page


@pytest.mark.long
def test_labels_and_values_are_trained_measured_and_searched(
    walk: Callable[[list[str]], list[str]], desk: Path
) -> None:
    names = [square(f"photos/{n}.png", n) for n in range(40)]
    labels = [f"{name},{COLOURS[n % 4]}{';even' * (n % 2 == 0)}" for n, name in enumerate(names)]
    table("labels.csv", "path,labels", labels)
    table("scores.csv", "path,score", [f"{name},{n * 2.5}" for n, name in enumerate(names)])
    _, evaluated, _, page, _, values = walk(commands("labels.md"))
    assert "ap_red" in evaluated
    assert "95 % interval" in evaluated
    assert "<title>rankzoo search</title>" in page
    assert "spearman" in values
    assert "mean_absolute_error" in values
    ((scored,), (valued,)) = (
        load(f"runs/{run}").score_images("photos/1.png") for run in ("labels", "scores")
    )
    assert set(scored) == {*COLOURS, "even"}
    assert all(0 <= score <= 1 for score in scored.values())
    assert set(valued) == {"score"}


def coco(folder: Path, content: Any) -> list[tuple[Path, list[tuple[str, list[float]]]]]:
    """The images of a COCO part: each with the labels and edges of its boxes."""
    names = {category["id"]: category["name"] for category in content["categories"]}
    found = []
    for image in content["images"]:
        own = [b for b in content["annotations"] if b["image_id"] == image["id"]]
        edges = [
            (names[b["category_id"]], [x, y, x + w, y + h])
            for b in own
            for x, y, w, h in [b["bbox"]]
        ]
        (place,) = folder.rglob(f"JPEGImages/{image['file_name']}")
        found.append((place, edges))
    return found


def export(kind: str, scenes: Path) -> None:
    """Lay scenes into `boxes/` as a tool of this kind exports them."""
    root = Path("boxes")
    for split, named in (("train", "train"), ("valid", "test")):
        content = json.loads(next(scenes.rglob(f"instances_{named}.json")).read_text())
        content["images"] = content["images"][:2]
        kept = {image["id"] for image in content["images"]}
        boxes = (box for box in content["annotations"] if box["image_id"] in kept)
        content["annotations"] = list(boxes)
        images = coco(scenes, content)
        place = root / split / ("images" if kind == "yolo" else "")
        place.mkdir(parents=True, exist_ok=True)
        for image, _ in images:
            (place / image.name).write_bytes(image.read_bytes())
        WRITERS[kind](root, split, content, images)


def _coco(root: Path, split: str, content: Any, images: Any) -> None:
    name = "instances_val.json" if split == "valid" else "instances_train.json"
    write_json(root / "annotations" / name, content)
    if split == "valid":
        (root / "valid").rename(root / "val")


def _roboflow(root: Path, split: str, content: Any, images: Any) -> None:
    write_json(root / split / "_annotations.coco.json", content)


def _yolo(root: Path, split: str, content: Any, images: Any) -> None:
    names = [c["name"] for c in content["categories"]]
    (root / "data.yaml").write_text(
        json.dumps({"train": "train/images", "val": "valid/images", "names": names})
    )
    (root / split / "labels").mkdir()
    for image, boxes in images:
        lines = []
        for name, (x, y, r, b) in boxes:
            sides = ((x + r) / 2, (y + b) / 2, r - x, b - y)
            lines.append(" ".join(map(str, (names.index(name), *(side / SIDE for side in sides)))))
        (root / split / "labels" / f"{image.stem}.txt").write_text("\n".join(lines) + "\n")


def _voc(root: Path, split: str, content: Any, images: Any) -> None:
    for image, _ in images:
        xml = image.parents[1] / "Annotations" / f"{image.stem}.xml"
        (root / split / xml.name).write_text(xml.read_text())


def _jsonl(root: Path, split: str, content: Any, images: Any) -> None:
    rows = (
        {"path": f"{split}/{i.name}", "objects": [{"label": n, "box": box} for n, box in boxes]}
        for i, boxes in images
    )
    (root / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


SIDE = 64
WRITERS = {"coco": _coco, "roboflow": _roboflow, "yolo": _yolo, "voc": _voc, "jsonl": _jsonl}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_export_of_boxes_has_a_plan(
    kind: str, walk: Callable[[list[str]], list[str]], desk: Path
) -> None:
    build_scenes(desk / "scenes", count=10, classes=2, size=SIDE)
    export(kind, desk / "scenes")
    train = commands("detector.md")[0]
    (planned,) = walk([f"{train} --dry-run --json"])
    found = json.loads(planned)
    assert found["images of train"] == found["images of val"] == 2


@pytest.mark.long
def test_own_boxes_end_as_drawn_boxes(
    walk: Callable[[list[str]], list[str]], desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.recipes.own_boxes.UPDATES", 1)  # as for many images: 12 epochs
    build_scenes(desk / "scenes", count=10, classes=2, size=SIDE)
    export("roboflow", desk / "scenes")
    (desk / "boxes/valid").rename(desk / "photos")
    export("roboflow", desk / "scenes")
    (desk / "photos/_annotations.coco.json").unlink()
    _, evaluated, _ = walk(commands("detector.md"))
    assert "ap_50" in evaluated
    drawn = json.loads((desk / "found/detections.json").read_text())
    assert len(drawn) == len(list((desk / "photos").iterdir()))
    assert all((desk / row["drawn"]).is_file() for row in drawn)
