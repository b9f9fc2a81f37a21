"""A walk through the command line on sixteen images, in process: each step has what it needs from
the steps before it. `walk.txt` holds the steps, `walk_long.txt` those that start processes or train
often; `{here}` stands for the walk's folder."""

import contextlib
import io
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from PIL import Image
from rich.console import RenderableType
from torchvision.models import resnet18

from cli import output
from cli.main import main
from cli.output import Output
from tests.models.tiny_clip import tiny_clip
from zoo.data.preprocessing import Preprocessing
from zoo.models import EmbedderConfig, build_embedder, save_embedder

STEPS, LONG = (Path(__file__).with_name(name) for name in ("walk.txt", "walk_long.txt"))
CLASSES = ("ant", "bee", "cat", "dog", "emu", "fox", "gnu", "hen")


def steps(file: Path = STEPS) -> list[list[str]]:
    """The words of every step, `{here}` unfilled."""
    lines = file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines]


def furnish(here: Path) -> None:
    """Put sixteen images of eight classes and a small model into a folder."""
    torch.manual_seed(0)
    config = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=64, resize=64))
    save_embedder(build_embedder(config), here / "model")
    for place, label in enumerate(CLASSES):
        for n in range(2):
            path = here / "photos" / label / f"{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 40), (30 * place, 250 - 30 * place, 100 + 5 * n)).save(path)
    shutil.copytree(here / "photos", here / "others")
    images = sorted((here / "photos").rglob("*.png"))
    write_csv(here / "pairs.csv", "caption", {image: f"a {image.parent.name}" for image in images})
    write_csv(here / "weights.csv", "weight", {image: n for n, image in enumerate(images)})
    tiny_clip(here / "clip")
    torch.save(resnet18().state_dict(), here / "resnet18.pth")


def write_csv(path: Path, column: str, values: dict[Path, object]) -> None:
    rows = [f"{image},{value}" for image, value in values.items()]
    path.write_text("\n".join([f"path,{column}", *rows, ""]))


def rankzoo(*words: str) -> tuple[int, dict[str, Any]]:
    """Run a command with `--json`; return its exit code and its one object."""
    said = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["rankzoo", *words, "--json"]),
        contextlib.redirect_stdout(said),
    ):
        try:
            main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    value: dict[str, Any] = json.loads(said.getvalue())
    return code, value


@dataclass(frozen=True)
class Step:
    """What was typed, its exit code, its object, and what a pipe would have got without --json."""

    words: list[str]
    code: int
    value: dict[str, Any]
    pipes: list[tuple[str, str]]  # for a width that does not end, and for one twice as wide


def walk(here: Path, file: Path = STEPS) -> list[Step]:
    """Go all the steps."""
    furnish(here)
    filled = [[word.replace("{here}", str(here)) for word in words] for words in steps(file)]
    return [taken(words) for words in filled]


def taken(words: list[str]) -> Step:
    """Take one step."""
    pipes: list[tuple[str, str]] = []
    result = Output.result

    def both(asked: Output, value: dict[str, Any], human: Callable[[], RenderableType]) -> None:
        pipes.append(at_two_widths(human()))
        result(asked, value, human)

    with mock.patch.object(Output, "result", both):
        return Step(words, *rankzoo(*words), pipes)


def at_two_widths(what: RenderableType) -> tuple[str, str]:
    """Return what a pipe gets where nobody says `COLUMNS`, as pytest-xdist does."""
    with mock.patch.dict(os.environ):
        os.environ.pop("COLUMNS", None)
        with mock.patch.object(output, "UNBOUNDED", 2 * output.UNBOUNDED):
            wider = output.piped(what)
        return output.piped(what), wider
