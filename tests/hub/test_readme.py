"""Every command that README.md shows is run, on small images and against a Hub of its own."""

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save

from cli.main import main
from zoo.data.synthetic.glyphs import draw, glyphs
from zoo.data.synthetic.scenes import build_scenes
from zoo.hub.timm_folder import write_timm_config

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = list(dict.fromkeys(re.findall(r"(?:^|[`/])(rankzoo [a-z][^`\n]*)", README, re.M)))
SHORT = ("--set", "schedule.steps=1", "--batch-size", "32", "--workers", "0", "--device", "cpu")
# What a reader leaves out: so little training that only the way is tested, and for two papers'
# recipes, which take days, the plan that `--dry-run` makes from their data.
ADDED: dict[str, tuple[str, ...]] = {
    "rankzoo train --model": SHORT,
    "rankzoo train": ("--dry-run",),
    "rankzoo serve": ("--port", "0", "--json"),
}
ELSEWHERE = {"rankzoo quickstart": "tests/quickstart/test_quickstart.py"}

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def desk(tmp_path: Path, hub: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with everything that README's commands name, current while they run."""
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    chosen = [glyph for glyph in glyphs() if "hand" in glyph.name][:40]
    for glyph in chosen:
        folder = Path("photos", glyph.name)
        folder.mkdir(parents=True, exist_ok=True)
        for artist, drawing in glyph.drawings.items():
            draw((drawing, folder / f"{glyph.code}-{artist}.png", 32))
    Image.open(next(Path("photos").rglob("*.png"))).convert("RGB").save("query.jpg")
    _lay_products(Path("data/SOP"))
    build_scenes(Path("data/VOCdevkit"), count=10, classes=2, size=64)
    hub.add("timm/resnet50.tv_in1k", _untrained("resnet50", tmp_path))
    return Path.cwd()


def _lay_products(root: Path) -> None:
    """Stanford Online Products' layout: per split, two super-classes of 16 classes of two."""
    for split in ("train", "test"):
        rows = ["image_id class_id super_class_id path"]
        for number in range(64):
            kind = ("chair", "sofa")[number // 32]
            path = root / f"{kind}_final" / f"{split}{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (3 * number, 90, 9)).save(path)
            rows.append(f"{number} {number // 2} {number // 32} {path.relative_to(root)}")
        (root / f"Ebay_{split}.txt").write_text("\n".join(rows) + "\n")


def _untrained(architecture: str, folder: Path) -> dict[str, bytes]:
    """A repository of that network with weights of chance, for images of 32 pixels."""
    torch.manual_seed(0)
    network = timm.create_model(architecture, num_classes=2)
    transform = {
        "input_size": [3, 32, 32],
        "interpolation": "bilinear",
        "crop_pct": 1.0,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
    }
    write_timm_config(network, transform, folder)
    weights = save(network.state_dict())
    return {"config.json": (folder / "config.json").read_bytes(), "model.safetensors": weights}


def _run(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command line here, or as a process if it does not end by itself."""
    words = shlex.split(command.replace("/data/", "data/"), comments=True)
    added = next((ADDED[start] for start in ADDED if command.startswith(start)), ())
    if words[1] == "serve":
        _serve([*words[1:], *added])
        return
    monkeypatch.setattr(sys, "argv", [*words, *added])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, command


def _serve(words: list[str]) -> None:
    command = [sys.executable, "-m", "cli", *words]
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=here) as server:
        assert server.stdout is not None
        try:
            address = json.loads(server.stdout.readline())["url"]
            with urllib.request.urlopen(address, timeout=120) as page:
                assert b"<title>rankzoo search</title>" in page.read()
        finally:
            server.terminate()


@pytest.mark.slow
def test_who_types_what_the_readme_says_gets_it(
    desk: Path, hub: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: dict[str, str] = {}
    for command in COMMANDS:
        if not any(command.startswith(start) for start in ELSEWHERE):
            _run(command, monkeypatch)
            said[command] = capsys.readouterr().out
    run = json.loads((desk / "runs" / "a" / "results.json").read_text())
    assert 0 <= run["metrics"]["recall_at_1"] <= 1
    (searched,) = (text for command, text in said.items() if "search" in command)
    assert "query.jpg" in searched
    assert (
        "model.safetensors"
        in hub.repos["me/photos-resnet50"].commits[hub.repos["me/photos-resnet50"].refs["main"]]
    )
    assert len(said) > 8


def test_what_is_not_run_here_is_run_elsewhere() -> None:
    for start, file in ELSEWHERE.items():
        assert any(command.startswith(start) for command in COMMANDS)
        calls = rf'rankzoo\(\s*"{start.split()[1]}"'
        assert re.search(calls, (ROOT / file).read_text(encoding="utf-8"))
