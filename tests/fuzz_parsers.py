"""Every parser of the product, with a sound input of it: what `tests/fuzz.py` changes and feeds."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

from tests import stored
from tests.fuzz_boxes import boxes
from tests.fuzz_models import models
from tests.fuzz_parser import CLASSES, Parser, pixels
from tests.fuzz_sets import sets
from zoo.cards.shelf import cards_dir, read_card
from zoo.data.images import check_image, open_image
from zoo.data.manifest import read_manifest
from zoo.data.open import open_dataset
from zoo.data.packed import unpacked
from zoo.data.reader import read_text
from zoo.data.scored import read_labels, read_values
from zoo.hub.conversion.convert import Choices, convert
from zoo.hub.listing import as_model
from zoo.index import Index
from zoo.models.embedder import Embedder, save_embedder
from zoo.recipes import RECIPES
from zoo.recipes.changes import override
from zoo.recipes.values import read_recipe
from zoo.runs.reading import read_run

Write = Callable[[Path], object]
SPLITS = "train", "test"


def parsers() -> list[Parser]:
    """Return every reader of data, annotations, images, models, recipes, cards and own files."""
    ours = [*_data(), *boxes(), *_images(), *_models(), *_texts(), *_own()]
    return [*ours, *sets(), *models()]


def _table(folder: Path, form: str) -> None:
    rows = [
        {
            "path": name,
            "label": CLASSES[n % 2],
            "split": SPLITS[n // 4],
            "caption": f"a {CLASSES[n % 2]}",
            "labels": ";".join(CLASSES[: 1 + n % 2]),
            "score": str(n / 7),
        }
        for n, name in enumerate(pixels(folder))
    ]
    lines = [json.dumps(row) for row in rows]
    if form == "csv":
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    (folder / f"data.{form}").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _data() -> list[Parser]:
    def tree(folder: Path) -> None:
        for name in CLASSES:
            pixels(folder / name, 3)

    def tables(form: str) -> Parser:
        name = f"data.{form}"

        def read(folder: Path) -> object:
            return read_manifest(folder / name), open_dataset(None, folder / name).levels

        return Parser(f"manifest {form}", (name,), lambda f: _table(f, form), read)

    return [
        tables("csv"),
        tables("jsonl"),
        Parser(
            "labels and values",
            ("data.csv",),
            lambda f: _table(f, "csv"),
            lambda f: (read_labels(f / "data.csv", SPLITS), read_values(f / "data.csv", SPLITS)),
        ),
        Parser("class folders", ("cat/0.png",), tree, lambda f: open_dataset(None, f)),
        Parser("webdataset shard", ("a.tar",), _shard, _unpack),
        Parser("Karpathy captions", ("dataset_x.json",), _karpathy, _named("captions")),
        Parser("SOP lists", ("Ebay_train.txt", "Ebay_test.txt"), _products, _named("sop")),
    ]


def _named(name: str) -> Callable[[Path], object]:
    return lambda folder: open_dataset(name, folder)


def _products(folder: Path) -> None:
    pixels(folder / "chair_final")
    for split, first in (("train", 0), ("test", 4)):
        rows = [f"{n} {n // 2} 1 chair_final/{n}.png" for n in range(first, first + 4)]
        text = "\n".join(["image_id class_id super_class_id path", *rows]) + "\n"
        (folder / f"Ebay_{split}.txt").write_text(text, encoding="utf-8")


def _karpathy(folder: Path) -> None:
    images = [
        {
            "filename": name,
            "split": SPLITS[n // 4],
            "sentences": [{"raw": f"a thing {n}"}],
            "imgid": n,
        }
        for n, name in enumerate(pixels(folder))
    ]
    value = {"images": images, "dataset": "x"}
    (folder / "dataset_x.json").write_text(json.dumps(value), encoding="utf-8")


def _shard(folder: Path) -> None:
    import tarfile

    with tarfile.open(folder / "a.tar", "w") as tar:
        for n in range(4):
            pixels = BytesIO()
            Image.new("RGB", (8, 8), (30 * n, 9, 9)).save(pixels, "png")
            members = {
                "png": pixels.getvalue(),
                "json": json.dumps({"label": CLASSES[n % 2]}).encode(),
                "txt": b"a thing",
            }
            for suffix, content in members.items():
                entry = tarfile.TarInfo(f"{n}.{suffix}")
                entry.size = len(content)
                tar.addfile(entry, BytesIO(content))


def _unpack(folder: Path) -> object:
    return unpacked(folder / "a.tar", folder / "out")


def _images() -> list[Parser]:
    def parser(suffix: str) -> Parser:
        name = f"0{suffix}"

        def read(folder: Path) -> object:
            check_image(folder / name, decode=True)
            return open_image(folder / name, size=8).size

        return Parser(f"image {suffix}", (name,), lambda f: pixels(f, 1, suffix), read)

    return [parser(s) for s in (".png", ".jpg", ".gif", ".webp", ".bmp", ".tiff")]


def _models() -> list[Parser]:
    def weights(name: str) -> Write:
        state = Embedder(stored.CONFIG).backbone.state_dict()
        state |= {"fc.weight": torch.ones(8, 8), "fc.bias": torch.ones(8)}
        save = save_file if name.endswith("safetensors") else torch.save
        return lambda folder: save(state, folder / name)

    def read(name: str) -> Callable[[Path], object]:
        choices = Choices(architecture="test_resnet")
        form = "torchvision_resnet"
        return lambda f: convert(f / name, f / "out", format_name=form, choices=choices)

    names = "w.safetensors", "w.pth"
    return [Parser(f"checkpoint {n}", (n,), weights(n), read(n)) for n in names]


def _texts() -> list[Parser]:
    def listing(folder: Path) -> None:
        siblings = [{"rfilename": "config.json", "size": 3, "blobId": "1" * 40}]
        value = {"id": "me/x", "sha": "0" * 40, "siblings": siblings}
        (folder / "listing.json").write_text(json.dumps(value), encoding="utf-8")

    def text(content: str) -> Write:
        return lambda folder: (folder / "a.txt").write_text(content, encoding="utf-8")

    def setting(folder: Path) -> object:
        key, _, value = read_text(folder / "a.txt", "a setting").partition("=")
        return override(RECIPES["emoji-sup_hap"], key, value)

    def filtered(folder: Path) -> object:
        index = Index.open(folder / "index")
        try:
            clause = read_text(folder / "a.txt", "a condition")
            return index.search(stored.vectors(2), 3, where=clause)
        finally:
            index.close()

    def filterable(folder: Path) -> None:
        stored.write_index(folder / "index", "Flat")
        text("label = 'c1' and id > 3 or path like 'p%'")(folder)

    card = (cards_dir() / "emoji-sup_hap.md").read_text(encoding="utf-8")
    return [
        Parser(
            "Hub listing",
            ("listing.json",),
            listing,
            lambda f: as_model((f / "listing.json").read_bytes(), "me/x"),
        ),
        Parser(
            "card",
            ("emoji-sup_hap.md",),
            lambda f: (f / "emoji-sup_hap.md").write_text(card, encoding="utf-8"),
            lambda f: read_card(f / "emoji-sup_hap.md"),
        ),
        Parser("--set", ("a.txt",), text("optimiser.lr=0.001"), setting),
        Parser("--where", ("a.txt",), filterable, filtered),
    ]


def _own() -> list[Parser]:
    """Everything the product stores: its plain text, signed again."""
    found = [
        Parser(kind.name, (), kind.write, kind.read)
        for kind in stored.stored()
        if kind.name != "index IVF4,SQ8"
    ]

    def write(folder: Path) -> None:
        stored.write_run(folder)
        save_embedder(Embedder(stored.CONFIG), folder)

    files = "results.json", "recipe.json", "config.json"
    found.append(Parser("run folder", files, write, read_run))
    recipe = "recipe.json"
    found.append(Parser(recipe, (recipe,), stored.write_run, lambda f: read_recipe(f / recipe)))
    return found
